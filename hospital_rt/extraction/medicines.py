"""Names of medicines: generic ones, the endings that they have in common, and what is sold under a name of its own.

One promise: ``is_drug`` says what a word is, never what a note means. All words are without accents and in lower case.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.text import words_of

_DRUG_ENDINGS = (
    "axone|bactam|fibrate|iptan|ximab|zumab|penem|phylline|pramine|prost|rubicin|stigmine|tinib|ciclib|zidine|"
    "zolamide|glitazone|relin|eptide|parib|platin|"
    "cillin|cilline|cilina|mycin|micin|mycine|micina|cycline|ciclina|floxacin|floxacine|floxacino|azole|azol|prazole|"
    "prazol|conazole|conazol|pril|sartan|olol|dipine|dipino|statin|statine|statina|gliptin|gliflozin|glutide|formin|"
    "formine|"
    "formina|thiazide|tiazida|semide|semida|oxetine|oxetina|traline|tralina|pram|triptyline|triptilina|triptan|setron|"
    "azepam|zolam|zepam|idone|apine|apina|azine|caine|caina|profen|profene|profeno|oxicam|coxib|fenac|fenaco|cetamol|"
    "codone|codeine|codeina|morphine|morfina|tramadol|gabalin|gabalina|gabapentin|sone|solone|onide|onida|asone|"
    "metasone|"
    "tasone|metasona|solona|terol|tropium|tropio|buterol|butamol|lukast|vir|vudine|parin|parine|parina|xaban|grel|"
    "tidine|tidina|dronate|dronato|thyroxine|tiroxina|lactone|lactona|purinol|chicine|quine|quina|fantrine|terin|"
    "prim|nidazole|nidazol|furantoin|mab|nib|oxin|oxine|oxina|zosin|steride|dopa|giline|mantine|nezumab|trexate|"
    "lamine|ramine|ratadine|irizine|fexofenadine|adine|sulfate|sulphate|fumarate|gluconate|carbonate|bicarbonate|"
    "insulin|insuline|insulina|glycol|bisacodyl|lactulose|senna|loperamide|domperidone|metoclopramide"
)
_DRUG_WORDS = words_of("""
lanolin pedialyte epipen benadryl tylenol
bisacodyl loperamide domperidone metoclopramide nicorandil carbimazole propylthiouracil desmopressin hydroxocobalamin
cyanocobalamin thiamine pyridoxine riboflavin isosorbide mononitrate amiodarone flecainide digitoxin diltiazem verapamil
bumetanide torasemide acetazolamide dapsone rifampicin isoniazid pyrazinamide ethambutol vancomycin teicoplanin
linezolid ceftriaxone cefalexin cephalexin cefuroxime cefixime cefotaxime ceftazidime cefaclor cefadroxil gentamicin
meropenem ertapenem chlordiazepoxide disulfiram acamprosate methadone naloxone zopiclone zolpidem buspirone lamivudine
theophylline aminophylline terbutaline ipratropium carbocisteine acetylcysteine guaifenesin pseudoephedrine
phenylephrine dextromethorphan dicycloverine alverine sucralfate bismuth misoprostol mesalazine sulfasalazine
azathioprine mercaptopurine ciclosporin tacrolimus mycophenolate leflunomide infliximab baclofen tizanidine dantrolene
methocarbamol quinidine febuxostat benzbromarone probenecid raloxifene oestradiol estriol norethisterone
medroxyprogesterone desogestrel levonorgestrel ulipristal clomifene cabergoline bromocriptine octreotide somatropin
oxybutynin tolterodine solifenacin mirabegron duloxetine venlafaxine bupropion trazodone mianserin agomelatine lithium
clozapine haloperidol chlorpromazine flupentixol zuclopenthixol aripiprazole risperidone paliperidone methylphenidate
lisdexamfetamine atomoxetine guanfacine donepezil rivastigmine galantamine memantine ropinirole pramipexole rotigotine
selegiline entacapone topiramate zonisamide lacosamide ethosuximide clobazam phenobarbital primidone acetylsalicylic
tranexamic mefenamic ursodeoxycholic valproic fusidate adapalene tretinoin isotretinoin tazarotene azelaic calcipotriol
calcitriol alfacalcidol crotamiton malathion dimeticone salicylic bimatoprost travoprost brimonidine dorzolamide
brinzolamide carbomer cyclopentolate atropine acetazolamide ganciclovir famciclovir filgrastim erythropoietin
darbepoetin dexamethasone betamethasone triamcinolone mometasone clobetasol clobetasone
aspirin aspirine aspirina paracetamol acetaminophen ibuprofen naproxen penicillin insulin iron warfarin heparin
digoxin folic folate levothyroxine metformin prednisolone prednisone hydrocortisone vitamin vitamine vitamina zinc
calcium magnesium potassium colecalciferol cholecalciferol gtn glyceryl trinitrate salbutamol ventolin lithium quinine
artemether coartem chloramphenicol fucidin fusidic benzoyl calamine nystatin melatonin lactulose senna macrogol
movicol laxido gaviscon omeprazole sertraline allopurinol colchicine nitrofurantoin trimethoprim fosfomycin amoxil
augmentin co-amoxiclav amoxiclav doliprane dafalgan efferalgan metamizol nolotil enantyum spironolactone furosemide
amlodipine bendroflumethiazide indapamide hydrochlorothiazide methotrexate hydroxychloroquine levodopa madopar sinemet
carbamazepine valproate lamotrigine levetiracetam phenytoin gabapentin pregabalin tramadol codeine morphine oxycodone
fentanyl buprenorphine naltrexone nicotine varenicline alendronate risedronate denosumab tamoxifen letrozole
anastrozole finasteride tamsulosin sildenafil tadalafil estradiol progesterone testosterone clonidine methyldopa
labetalol hydralazine mebeverine hyoscine buscopan cetirizine loratadine chlorphenamine montelukast tiotropium
beclometasone budesonide fluticasone formoterol salmeterol aciclovir acyclovir valaciclovir oseltamivir ivermectin
permethrin mebendazole albendazole terbinafine clotrimazole fluconazole miconazole ketoconazole mupirocin
chlorhexidine hypromellose latanoprost timolol olopatadine ferrous fer hierro fierro ors
""")
_DRUG = re.compile(rf"[a-z]{{2,}}(?:{_DRUG_ENDINGS})s?")
_NOT_DRUGS = words_of("""
someone everyone medicine medicines machine routine caffeine urine spine saline combine examine define determine
decline online vaccine vaccines bone stone alone phone telephone cortisone person reason season lesson poison airline
outline guideline baseline margarine cabin vitamins magazine imagine adrenaline reactive nasal twelve mountain protein
famine gasoline discipline marine feminine quarantine submarine migraine migrane done gone none throne zone tone
hormone hormones sunshine trampoline line nine fine mine wine pine vine dine shine disapproval april avril abril amine
creatinine creatinina creatine melanoma latex dopamine choline glycine sardine citrine sone twosome oxide salon apples
apple pills pill feeling calcium-channel one mononucleosis uric bilirubin hemoglobin haemoglobin ferritin albumin
troponin begin origin margin virgin robin
""")

_BRANDS = words_of("""
ventolin seretide symbicort fostair clenil qvar pulmicort flixotide spiriva trelegy trimbow relvar duoresp anoro ultibro
braltus atrovent bricanyl airomir lantus levemir tresiba toujeo novorapid humalog novomix humulin insulatard apidra
ozempic wegovy trulicity victoza mounjaro jardiance forxiga januvia diamicron glucophage crestor lipitor zocor eliquis
xarelto pradaxa lixiana clexane fragmin plavix brilinta brilique entresto coversyl tritace norvasc istin adalat tildiem
cardura zestril losec nexium zoton pariet buscopan colofac fybogel cosmocol dulcolax senokot imodium dioralyte motilium
stemetil maxolon zofran flagyl zithromax klacid ciproxin bactrim septrin macrobid macrodantin monuril tamiflu zovirax
valtrex diflucan canesten daktarin lamisil nizoral elocon betnovate eumovate dermovate fucibet fucithalmic daktacort
trimovate hydromol diprobase cetraben doublebase epaderm e45 aveeno oilatum dermol protopic elidel dovobet dovonex
enstilar differin epiduo duac skinoren roaccutane zineryt soolantra efudix aldara xalatan cosopt azopt azarga lumigan
travatan trusopt alphagan maxidex predsol systane viscotears celluvisc otomize sofradex gentisone nasonex avamys
dymista beconase flixonase rhinocort naseptin bactroban zirtek clarityn telfast piriton phenergan singulair panadol
calpol nurofen voltarol voltarene voltaren arcoxia celebrex naprosyn tramacet zapain oramorph mst oxycontin oxynorm
longtec butec butrans matrifen lyrica neurontin epilim keppra tegretol lamictal prozac zoloft lustral cipralex cipramil
lexapro effexor efexor cymbalta zispin seroquel zyprexa risperdal abilify haldol depixol clopixol priadel camcolit
valium ativan xanax stilnoct imovane circadin ritalin concerta elvanse strattera requip mirapexin azilect aricept ebixa
imigran maxalt zomig topamax inderal botox fosamax actonel prolia adcal adcal-d3 calcichew fultium evorel estradot
oestrogel utrogestan femoston elleste vagifem ovestin cerazette cerelle microgynon yasmin depo-provera sayana levonelle
clomid femara arimidex zoladex prostap casodex proscar avodart combodart vesicare betmiga viagra cialis zyloric adenuric
plaquenil imuran arava humira enbrel stelara pentasa asacol salofalk octasa creon ursofalk questran prograf cellcept
ferrograd galfer spatone pabrinex sando-k eltroxin euthyrox levothyrox eutirox florinef spasfon smecta kardegic tahor
inexium mopral ventoline aerius xyzall solupred celestene tardyferon timoferol uvedose lovenox previscan seroplex
lexomil atarax forlax apiretal dalsy augmentine sintrom adiro gelocatil orfidal urbason co-amox co-codamol co-dydramol
co-careldopa co-trimoxazole co-beneldopa coamox fluclox amox clarithro azithro erythro metro trimeth nitro pred
""")


def is_drug(word: str) -> bool:
    """Whether a word looks like a drug: a known one, or one with a drug's ending.

    >>> [is_drug(w) for w in ("amoxicillin", "losartan", "telephone", "urine")]
    [True, True, False, False]
    """
    if word in _DRUG_WORDS or word in _BRANDS:
        return True
    return len(word) > 5 and word not in _NOT_DRUGS and _DRUG.fullmatch(word) is not None
