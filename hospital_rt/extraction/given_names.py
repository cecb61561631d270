"""Common given names, for masking.

One promise: words that are also drugs, months or plain words of a note ("May", "Will", "Rose") are not in here.
"""

from __future__ import annotations

_LIST = """
aaron abdul abdullah abigail adam adaeze adebayo adele adrian agnes ahmed aisha akua alan albert alejandro alejandra
alex alexander alexandra alfred ali alice alicia alison amadou amanda amara amelia amina amir amy ana andre andrea
andrew angela anita ann anna anne annie anthony antoine antonio arjun arthur arturo asha ashley audrey barbara beatrice
beatriz ben benjamin bernard beth betty bianca bola brandon brenda brian bridget bruno camille carla carlos carmen
carol caroline catherine cecile cecilia celine charles charlotte chidi chinedu chloe christian christina christine
christopher claire clara claude colin connor cristina cynthia daniel daniela danielle david dawit deborah denis denise
dennis derek diana diego dmitri dolores dominique donald donna dorothy douglas eduardo edward eileen elena eleanor
elias elizabeth ella ellen emeka emily emma emmanuel enrique eric erik esther ethan eugene eva evelyn fatima fatou
felix fernando fiona florence francesca francis francisco francois françoise frederic gabriel gabriela gareth gary
geoffrey george gerald gerard giulia gloria gordon graham greg gregory guillaume gustavo hannah harold harriet harry
hassan heather hector helen helena helene henri henry hugh hugo ibrahim ifeoma ines ingrid isaac isabel isabella isla
ivan jacob jacqueline jacques james jamila jan jane janet jason javier jean jeffrey jennifer jeremy jerome jessica jill
joan joanna joao joel johan johanna john johnny jonathan jorge jose josef joseph josephine joshua juan judith julia
julian julie julien karen karim karl kate katherine kathleen katie keith kelly kenneth kevin khadija kofi kwame lars
laura lauren laurent leah leila leo leon leonard leticia lewis liam lila linda lisa liz louis louise lucas lucia lucy
luis luisa lukas lydia magdalena malik manuel marc marcel marco marcus margaret maria mariam marie marina mario marion
martin martina mary mateo mathieu matthew maurice megan mehmet melissa michael michel michelle miguel mike miriam
mohamed mohammed moses muhammad nadia nancy naomi natalia natalie natasha nathalie nathan ngozi nicholas nicola nicolas
nigel nina noah nora norman obinna olga oliver olivia olivier omar oscar pablo pamela patricia patrick paul paula pedro
peter philip philippe phoebe pierre priya rachel rafael raj ramon raquel raymond rebecca rene ricardo richard robert
roberto roger roland ronald rosa rosemary ruth ryan sally samantha samira samuel sandra sara sarah scott sean sebastian
sergio sharon sheila simon simone sofia sonia sophia sophie stella stephanie stephen steven stuart susan suzanne sven
sylvia sylvie tamara tariq tatiana teresa theo theresa therese thierry thomas tim timothy tobias tomas trevor ursula
valerie vanessa vera veronica victor victoria vincent viviane walter wanjiku wendy wilfred william winston xavier yaw
yusuf yvonne zainab zanele zeinab zoe
"""

GIVEN_NAMES = frozenset(_LIST.split())
