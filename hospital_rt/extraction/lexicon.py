"""The words that the rules know: acts, drugs by their endings, tests and visits, symptoms, people.

One promise: a list here says what a word is, never what a note means; English first, then French and Spanish.
All words are without accents and in lower case, as ``same_length_plain`` leaves them.
"""

from __future__ import annotations

import re

from hospital_rt.extraction.medicines import is_drug
from hospital_rt.extraction.text import words_of

ACT_VERBS = words_of("""
be joindre morder mordre run provide
cont
fit self self-refer alert inform treat manage bite sieve scrub pat tilt dip dilute soften smooth swish hang loan skim
practise rehearse
stay be build work forward sched report mention flag dial pinch humidify lose pour alert page message rebook show
present proceed head reattend re-attend let tci rtc rto rtn rpt pack roll trim wipe paint coat dust sprinkle mash
blend thicken loosen tighten tape pad protect shield support prop bend straighten point flex clench tap suckle
breastfeed express sterilise sterilize boil cook reheat defrost divide split crush inflate deflate calibrate charge
reach enrol enroll join download photograph photo rotate alternate spread encourage offer feed puree cancel postpone
reschedule confirm renew post mail fax supplement hydrate abstain take use apply give start begin continue restart
resume increase reduce decrease lower raise double halve switch change swap keep put instil insert inject inhale spray
rub massage soak wash rinse gargle bathe clean dress cover wear remove replace drink eat chew dissolve swallow sip
suck avoid measure check monitor record weigh test log note chart write track count do perform practise practice
stretch walk exercise rest ice elevate lie sleep sit stand breathe cough turn move buy get purchase obtain collect
pick order book arrange make schedule call ring phone telephone contact text email see visit attend return come go
bring send hand drop deliver submit provide complete finish repeat have fast ask tell inform register sign read watch
follow limit cut add mix prepare store throw dispose refill request sponge bind strap bandage moisturise moisturize
lubricate irrigate flush nebulise nebulize smear dab warm heat cool mobilise mobilize lift hold squeeze press blow
clip brush floss shave shower steam try aim maintain ensure remember carry administer initiate commence prescribe
titrate leave taper wean step draw fill speak talk notify seek recheck review re-check attach stick place swim cycle
cease
""")
ACT_VERBS_FR = words_of("""
filtrer mobiliser surelever hydrater proteger traiter introduire ajouter
prendre prenez prends pris appliquer appliquez mettre mettez utiliser utilisez commencer commencez continuer continuez
poursuivre poursuivez reprendre augmenter augmentez diminuer diminuez reduire reduisez passer acheter achetez reserver
appeler appelez telephoner consulter consultez reconsulter reconsultez revenir revenez venir aller allez faire faites
refaire revoir revoyez mesurer mesurez controler controlez surveiller surveillez peser pesez noter notez boire buvez
manger marcher marchez porter portez laver lavez rincer nettoyer nettoyez changer changez apporter apportez ramener
envoyer deposer retirer recuperer inhaler instiller injecter masser reposer garder gardez prevoir programmer demander
demandez contacter contactez donner donnez respecter retourner rappeler
""")
ACT_VERBS_ES = words_of("""
anadir anada elevar eleve proteger fraccionar filtrar solicite agendar agende
tomar tome tomarse aplicar aplique aplicarse usar use utilizar utilice iniciar inicie comenzar comience empezar
empiece continuar continue seguir siga aumentar aumente subir reducir reduzca bajar comprar compre pedir pida reservar
llamar llame acudir acuda volver vuelva ir vaya hacer haga hacerse realizar realice medir mida medirse controlar
controle controlarse vigilar vigile pesar pesarse pesese anotar anote apuntar beber beba comer caminar camine andar
retirar retire llevar lleve traer traiga entregar entregue lavar lave lavarse enjuagar cambiar cambie recoger recoja
inhalar inyectar inyectarse poner ponga ponerse consultar consulte mantener mantenga regresar regrese contactar
solicitar solicite dar dele administrar colocar descansar repetir repita
""")
VERBS = ACT_VERBS | ACT_VERBS_FR | ACT_VERBS_ES
NOT_VERBS_BEFORE = words_of("""
dip bite pat loan hang manage treat tilt scrub
stay be work contact report expect build pack tape pad support present alert feed post supplement patch page message
coat dust paint shield reach spread trim show lower raise rest test note cough record chart order change cut ice turn
smear steam exercise review alternate leave step up count store stand
""")
"""Verbs that are nouns as well: they order something only before an object ("test your ...", not "test normal")."""

SEEK_VERBS = words_of(
    "let tell inform alert call ring phone dial go attend seek contact return report come present "
    "re-attend reattend see consulter appeler "
    "acudir llamar"
)
"""Verbs of turning to somebody."""
STOP_VERBS = words_of("""
stop discontinue cease omit skip withhold hold suspend quit arreter arretez stopper suspendre suspender suspenda dejar
deje parar interrumpir interrompre
""")

FORMS = words_of("""
tablet tablets capsule capsules cream ointment gel lotion drops drop spray inhaler puff puffs patch patches syrup
suppository suppositories pessary pessaries sachet sachets injection injections suspension solution mouthwash shampoo
enema powder lozenge lozenges emollient emollients moisturiser moisturizer eyedrops nebuliser nebulizer supplement
supplements antibiotic antibiotics antifungal antihistamine painkiller painkillers steroid steroids diuretic statin
inhalers comprime comprimes gelule gelules creme pommade gouttes sirop bouffees comprimido comprimidos capsula
capsulas crema pomada gotas jarabe sobre sobres inhalador parche supositorio collyre collirio colirio probiotic
probiotics multivitamin multivitamins ors
""")
ACT_NOUNS = words_of("""
pumps circles slides tucks curls lifts bridges planks reps clams presses shrugs squeezes rolls huffs raise shrug
diet protection cessation hygiene nutrition fluid hydration weaning positioning physiotherapy school work repos regime
reposo dieta salt calorie stocking stockings therapy sitting gym training practice session sessions supplements
patching cleaning washing checking stretching scrubbing swimming running jogging gardening sponge sponging exercise
exercises stretches physio walking walk walks massage compress compresses steam inhalation inhalations rinse rinses
gargle gargles soak soaks bath baths splint brace collar bandage dressing dressings ice saline diary chart log weights
squats raises pendulum breathing splinting elevation rest boot sling nebulisers nebulizers irrigation douche fluids
water readings measurements monitoring peak flow bp weight glucose sugars sugar pulse temperature temperatures blood
pressure net sunscreen wipes wash toothbrushing brushing flossing swim cycling yoga relaxation meditation mobilisation
kegels pelvic exercices marche kinesitherapie lavage lavages bain bains glace pansement pansements tension poids
glycemie ejercicios caminata lavados banos hielo compresas cura curas peso glucemia paseo
""")
SINGLE_NOUNS = words_of("""
usg fbs ppbs rbs rft ncct hrct cect tmt rev re-presentation representation presentation session retirada r/e
fond microsuction
gtt ogtt r/v ref refs optho ophtho derm cards neuro ortho load cd4 vl rtc rto tci form opticians dentists bloodwork
labs lab fasting biochem kidney renal liver hearing vision smear pap dxa dexa holter doppler duplex angiogram ekg pft
pfts abpm u+e u+es us mri's cast plaster staple drain catheter hygienist school-nurse hospital ward theatre operation
procedure infusion transfusion test tests bloods blood urine stool sputum swab sample samples culture cultures ecg
echo echocardiogram x-ray xray cxr ultrasound uss scan mri ct mammogram colonoscopy gastroscopy endoscopy spirometry
biopsy screening audiogram eeg film fbc cbc u&e u&es ue lfts lft tfts tsh hba1c lipids lipid profile glucose
creatinine electrolytes urea inr crp esr ferritin bmp cmp psa urinalysis msu panel count levels level review
appointment appt follow-up followup f/u fu rv visit clinic check checkup check-up recheck consultation referral
vaccine vaccination vaccinations jab booster immunisation immunization injection suture sutures stitches clips staples
removal midwife nurse physio physiotherapist dietitian dietician dentist optician podiatrist cardiology cardiologist
dermatology dermatologist neurology ent surgery surgeon gp physician doctor ophthalmology psychologist counselling
counsellor counselor audiology orthopaedics urology gastroenterology rheumatology analysis bilan prise examen examens
analyse analyses radio radiographie echographie irm scanner rendez-vous rdv controle vaccin rappel ionogramme nfs
analisis analitica radiografia ecografia revision cita control consulta vacuna resonancia prueba hemograma
interconsulta cultivo coproculture hemoculture ecbu urocultivo coprocultivo
""")
SYMPTOMS = words_of("""
craving cravings breakthrough
shivers shivering rigors chills numb numbness blue tight tightness queasy sick sickness breathless feverish puffiness
lightheaded faint fainted blackout blackouts choking lump lumps haematuria melaena photophobia
jaundice drowsiness drowsy confusion collapse fainting faints redness pus oozing soils wets soiling wetting bedwetting
feeds wake-ups nosebleeds nosebleed bruising discharge accidents tantrums seizure pain pains painful headache
headaches cough coughing fever fevers vomiting vomits vomited nausea diarrhoea diarrhea constipation palpitations
wheeze wheezing wheezes breathlessness dyspnoea sob bleed bleeding bleeds stools stool seizures fits episodes attacks
symptoms dizziness itching itch rash swelling ache aches cramps spasms flushes sweats sweating insomnia nightmares
tremor fatigue tired tiredness weakness numbness tingling bowels urination nocturia polyuria thirst hungry appetite
snoring smokes smoker drinks alcohol cigarettes cig cigs coffee coffees wakes waking sleeps heartburn reflux bloating
regurgitation stiffness blisters hives panic anxiety anxious mood crying hallucinations falls fell hypos hypo
exacerbations migraines contractions movements periods menses spotting dyspnee douleur douleurs toux fievre
vomissements cephalees vertiges nausees diarrhee dolor tos fiebre vomitos cefalea mareos nauseas diarrea
""")
PEOPLE = (
    r"(?:(?:his|her|their|the|my|patient's|pt's|son|sa|ses|su|sus|el|la|le)\s)?(?:carers?|caregivers?|wife|husband|"
    r"husb|hubby|hub|missus|spouse|nan|nana|gran|granny|grandad|"
    r"partner|brother|sister|"
    r"mother|father|mum|mom|dad|son|daughter|aunt|uncle|cousin|grandmother|grandfather|grandma|grandson|"
    r"granddaughter|niece|"
    r"nephew|neighbour|neighbor|friend|colleague|flatmate|roommate|boyfriend|girlfriend|twin|sibling|siblings|parents|"
    r"mother-in-law|father-in-law|compagne|compagnon|conjointe?|belle-mere|beau-pere|tante|oncle|novi[oa]|pareja|"
    r"abuel[oa]|suegr[oa]|mere|pere|frere|soeur|femme|mari|epouse|fils|fille|madre|padre|hermano|hermana|"
    r"esposa|"
    r"esposo|marido|mujer|hijo|hija|vecino|vecina|voisin|voisine)"
)
STAFF = (
    r"(?:(?:the|our|a|district|community|practice|ward|school|specialist|health|home|le|la|l'|"
    r"el)\s?)*(?:[a-z]{3,}(?:ologist|iatrist|apist|dontist|metrist)|podiatry|anaesthetist|anesthetist|registrar|"
    r"hv|d/?ns?|pn|phn|m/?w|cpn|sw|ot|slt|salt|hca|mdt|gpwsi|matron|paramedics?|crew|officer|theatre team|ward team|"
    r"dentist|"
    r"nurse|nurses|"
    r"visitor|gp|surgeon|surgeons|consultant|registrar|pharmacist|pharmacy|lab|laboratory|physio|physiotherapist|"
    r"hospital|"
    r"clinic|team|secretary|reception|receptionist|practice|surgery|social (?:worker|services)|home ?care|carer|"
    r"carers|midwife|doctor|dr|"
    r"cardiologist|cardiology|dermatologist|specialist|optician|dietitian|infirmiere|infirmier|medecin|chirurgien|"
    r"enfermera|enfermero|medico|cirujano|farmaceutico|service|department|dept)"
)
IS_DRUG_UNIT = re.compile(r"(?:mg|mgs|mcg|micrograms?|g|ml|mls|units?|iu|%)\b")


_VISIT_ENDING = re.compile(
    r"(?!pro)\w+(?:ology|ologist|iatry|iatrist|ician|scopy|graphy|grams?|metry|therapist|terapia|logie|logue|logia|"
    r"logo)s?"
)


def names_visit(word: str) -> bool:
    """Whether a word names a test, a visit, or whom to visit."""
    if word in SINGLE_NOUNS or (word.endswith("s") and word[:-1] in SINGLE_NOUNS and word[:-1] not in VERBS):
        return True
    return len(word) > 6 and _VISIT_ENDING.fullmatch(word) is not None


def is_medicine_word(word: str) -> bool:
    """A drug or a form in which drugs come."""
    return word in FORMS or is_drug(word)
