"""Whose words they are: sentences that tell and do not order, in many wordings, give no step; orders beside them do."""

from __future__ import annotations

from datetime import date

import pytest

from hospital_rt.extraction import guard
from hospital_rt.extraction.offline import read_note

DAY = date(2026, 3, 4)
TOLD = {
    "state openers carrying over": """
Currently on ramipril 5 mg od, bisoprolol 2.5 mg od and atorvastatin 40 mg nocte.
At present she takes sertraline 50 mg daily and mirtazapine 15 mg at night.
PMHx: gout, on allopurinol 300 mg od, colchicine 500 mcg bd.
Regular meds: amlodipine 5 mg od, metformin 1 g bd, aspirin 75 mg od.
DHx - Lansoprazole 30 mg om, citalopram 20 mg od, co-codamol 30/500 2 qds.
Usual medicines are warfarin 3 mg daily, digoxin 125 mcg daily.
His tablets at home: perindopril 4 mg daily and indapamide 1.5 mg daily.
He came in on furosemide 40 mg bd and spironolactone 25 mg od.
Arrived taking naproxen 500 mg bd, omeprazole 20 mg od.
Medicines before admission were lisinopril 10 mg od, simvastatin 40 mg nocte.
Established on methotrexate 15 mg weekly and folic acid 5 mg weekly.
Maintained on lithium 400 mg nocte, levothyroxine 75 mcg om.
Has been stable for years on carbamazepine 200 mg bd, lamotrigine 100 mg bd.
Known diabetic, metformin 500 mg bd, gliclazide 80 mg bd.
Already has Ventolin 2 puffs qds at home.
She is managed with tiotropium 18 mcg od and salbutamol prn.
Background of epilepsy (levetiracetam 500 mg bd).
On examination he was well, on amlodipine 10 mg daily.
Meds: nil apart from the pill.
Been using Fucibet cream twice a day, E45 three times a day.
His repeat list shows amlodipine 5 mg od, losartan 50 mg od.
Tells me she is taking ibuprofen 400 mg three times a day and paracetamol 1 g qds.
According to the discharge letter he is on bumetanide 1 mg daily.
GP has him on doxazosin 4 mg daily.
Her cardiologist put her on ivabradine 5 mg bd.
The hospital started him on rivaroxaban 20 mg daily.
Rheumatology have her on leflunomide 20 mg od.
Someone at the walk-in centre gave him amoxicillin 500 mg tds for 5 days.
""",
    "past": """
Was given flucloxacillin 500 mg qds for 7 days by the out of hours doctor.
Had been on prednisolone 30 mg daily for 5 days before this.
She completed a 10-day course of penicillin V 500 mg qds.
Finished her antibiotics (cefalexin 500 mg tds 7 days) on Tuesday.
Treated in March with doxycycline 100 mg bd for two weeks.
Two weeks of esomeprazole 40 mg daily made no odds.
A trial of amitriptyline 10 mg nocte left her groggy.
Courses of nitrofurantoin 100 mg bd have been given three times this year.
Paracetamol 1 g qds has not touched the pain.
Ibuprofen 400 mg tds did nothing.
Got through a week of naproxen 500 mg bd without benefit.
Gabapentin 300 mg tds gave him a rash.
In hospital he received IV ceftriaxone 2 g daily for three days.
Over the winter he needed prednisolone 40 mg daily for 5 days twice.
First line was metformin 500 mg bd, which upset her stomach.
Last antibiotics: co-amoxiclav 625 mg tds for a week at Christmas.
The previous GP prescribed tramadol 50 mg qds.
Managed initially with oral iron 200 mg daily.
He took codeine 30 mg four times a day after the operation.
Bloods done last Thursday. ECG performed in the ambulance.
X-ray taken in A&E. Tetanus booster administered.
We treated her with azithromycin 500 mg daily for 3 days in May.
Earlier this year, omeprazole 20 mg daily for 8 weeks.
Steroid injection 40 mg into the shoulder today, tolerated well.
Received the first dose of HPV vaccine here this morning.
Loading dose of aspirin 300 mg was taken at home.
Following ceftriaxone 1 g IM stat in clinic he felt better.
Stopped smoking in 2010 after nicotine patches 21 mg daily for 8 weeks.
Benefited from physiotherapy twice a week after her fall.
""",
    "other persons": """
His wife takes warfarin 5 mg daily.
Her brother is on insulin glargine 20 units at night.
Neighbour swears by turmeric 500 mg twice a day.
Mum gives the baby gripe water 5 ml three times a day.
His dog was prescribed prednisolone 5 mg daily.
Her flatmate was treated with permethrin 5% weekly.
A colleague recommended magnesium 400 mg at night.
The lady in the next bed takes digoxin 125 mcg daily.
Dad's on apixaban 5 mg bd.
Twin sister: levothyroxine 100 mcg daily.
Grandmother used to have vitamin B12 1 mg injections every 3 months.
The children at nursery were all given penicillin 250 mg bd for 10 days.
Sa femme prend du bisoprolol 5 mg par jour.
Son frère est sous metformine 1 g deux fois par jour.
Le chien de la voisine prend de la prednisolone 5 mg par jour.
Su hermano toma enalapril 10 mg al día.
La vecina le recomendó magnesio 400 mg por la noche.
Su marido está con omeprazol 20 mg diarios.
Community nurse will change the dressing every three days.
District nurses are to give the enoxaparin 40 mg daily for 10 days.
Practice pharmacist to review inhalers in 4 weeks.
Social services are arranging a bath seat.
Our secretary will send the appointment.
Physio will call her next week.
Ophthalmology to see within 2 weeks.
Dr Patel will repeat the bloods in a month.
I shall ring him with the result on Friday.
We are going to request an MRI.
Lab to phone results.
My colleague reviews her every six months.
""",
    "hearsay": """
The pharmacist suggested cetirizine 10 mg daily.
She read online that zinc 50 mg daily helps.
A friend told him to take aspirin 75 mg every day.
Has heard that cinnamon twice a day lowers sugar.
Saw a programme about vitamin D 4000 units daily.
Her sister thinks she should take evening primrose 1 g daily.
Asks whether melatonin 3 mg at night is worth trying.
Wonders about taking St John's wort 300 mg tds.
He wants tramadol 50 mg four times a day.
Requests diazepam 5 mg at night.
Would like to have acupuncture once a week.
Someone at work gave her co-codamol 30/500 two tablets four times a day.
She bought herself glucosamine 1500 mg daily.
Has been self-medicating with loperamide 2 mg four times a day.
The internet says apple vinegar twice a day.
""",
    "refusal": """
Declined atorvastatin 20 mg at night.
Not keen on sertraline 50 mg daily.
Would rather not take amitriptyline 10 mg at night.
Turned down the offer of physiotherapy twice a week.
He prefers to avoid statins.
Offered naproxen 500 mg bd but she said no.
Offered CBT weekly, which he refused.
Suggested a flu jab; he is not interested.
We talked about HRT: she doesn't fancy it.
Will not hear of insulin.
Opted against surgery.
No quiere tomar sertralina 50 mg al día.
Rechaza la vacuna de la gripe.
Refuse le vaccin et la kinésithérapie deux fois par semaine.
Ne souhaite pas de statine 20 mg par jour.
Elle préfère ne pas prendre de somnifère 7,5 mg le soir.
Has said no to a colonoscopy.
Reluctant to go on metformin 500 mg bd.
Does not feel ready for citalopram 10 mg daily.
Statin offered again and again refused.
Dismissed the idea of a hearing aid.
""",
    "perhaps later": """
May need amlodipine 5 mg daily if BP stays up.
Would consider gabapentin 300 mg tds next time.
Could be tried on duloxetine 30 mg daily.
If no better we'll add montelukast 10 mg at night.
If BP is still high at review, increase ramipril to 10 mg would be next.
Next step would be pregabalin 75 mg bd.
Might benefit from physiotherapy twice a week.
Plan B is prednisolone 30 mg daily for 5 days.
Second-line option: nortriptyline 10 mg nocte.
There is scope to go up to 20 mg daily.
One thought is to try propranolol 40 mg bd.
Should this fail, we would move to methotrexate 10 mg weekly.
If the urate is still up in March I will start allopurinol 100 mg daily.
Methotrexate 10 mg weekly remains in reserve.
Perhaps bisoprolol 2.5 mg daily in the summer.
To think about levothyroxine 25 mcg daily if TSH climbs.
Insulin is likely to be needed within a year.
We left open whether to use doxycycline 100 mg daily.
Dual therapy with ezetimibe 10 mg daily down the line.
Colonoscopy would only be needed if bleeding recurs.
Podría necesitar insulina 10 UI por la noche.
On pourrait ajouter de l'amlodipine 5 mg par jour.
À discuter : metformine 500 mg deux fois par jour.
Si no mejora, valoraremos prednisona 30 mg al día.
Se planteará metotrexato 10 mg semanal en la próxima visita.
Il faudra peut-être passer à l'insuline 10 UI le soir.
Surgery to be thought about if it recurs.
Hold in mind carvedilol 6.25 mg bd.
""",
    "stopped / discontinued": """
Came off fluoxetine 20 mg daily in June.
No longer takes omeprazole 20 mg daily.
Has dropped the evening dose of gliclazide 40 mg.
Stop ramipril 5 mg od.
Discontinue amitriptyline 10 mg nocte and codeine 30 mg qds.
Stop aspirin 75 mg od, clopidogrel 75 mg od and omeprazole 20 mg od.
Suspender enalapril 10 mg al día.
Arrêter l'aspirine 75 mg par jour.
Arrêt du bisoprolol 5 mg par jour.
Se retira la metformina 850 mg cada 12 horas.
Simvastatin 40 mg nocte is to cease.
Bendroflumethiazide 2.5 mg od: discontinued.
Candesartan 8 mg od - STOPPED
Citalopram 20 mg od (stopped)
Ibuprofen 400 mg tds to be stopped today.
Weaned off prednisolone 5 mg daily last month.
Gave up her HRT 1 mg daily.
Ran out of his inhaler 2 puffs twice daily.
We have withdrawn the digoxin 62.5 mcg daily.
Off: doxazosin 4 mg nocte, moxonidine 200 mcg od.
Meds stopped: doxazosin 4 mg nocte, moxonidine 200 mcg od.
He will no longer need tamsulosin 400 mcg daily.
Not to continue with quinine 300 mg nocte.
Skip the metformin 500 mg bd.
""",
    "prohibition": """
Do not take naproxen 500 mg bd with this.
Don't use the cream twice a day on the face.
Never take more than 8 tablets a day.
Please avoid grapefruit juice and alcohol.
Must not lift anything over 5 kg for 6 weeks.
No lifting, driving or swimming for 6 weeks.
No contact sport for 3 weeks.
Stay off work for 2 weeks is not needed.
No ibuprofen, aspirin or naproxen.
Refrain from sex for 7 days.
Keep away from alcohol for 48 hours.
You should not take ibuprofen 400 mg or drink alcohol.
No tomar ibuprofeno 400 mg ni aspirina 500 mg.
Ne pas prendre d'ibuprofène 400 mg ni d'aspirine 1 g.
Évitez le pamplemousse et l'alcool.
Nothing in the vagina for 4 weeks.
Not to drive for 4 weeks.
Steer clear of NSAIDs.
""",
    "negation": """
No need for antibiotics or steroids.
There's no call for a scan.
Antibiotics would not help.
An MRI adds nothing.
We held off antibiotics.
Neither physio nor injections required.
I did not prescribe amoxicillin 500 mg tds.
No steroid cream was prescribed.
There is no reason to repeat the bloods in 3 months.
Amoxicillin 500 mg tds not given because of allergy.
I saw no point in doing an x-ray.
Blood test not due until the autumn.
Without needing nitrates.
Denies using ibuprofen 400 mg.
Cannot tolerate metformin 500 mg bd.
Sensitive to erythromycin 250 mg qds.
Allergies: penicillin, trimethoprim, codeine.
Statin therapy contraindicated.
No sleeping tablets for now.
Not needing her inhaler 2 puffs more than once a week.
We agreed no medicine this time.
Hepatitis B booster is not necessary.
Il n'y a pas lieu de faire une radio.
No hace falta radiografía de control.
Pas besoin d'antibiotique.
No precisa tratamiento con omeprazol 20 mg al día.
""",
    "patient-addressed letter": """
You told me you take ramipril 5 mg daily and amlodipine 5 mg daily.
You mentioned that you had tried ibuprofen 400 mg three times a day.
You were started on bisoprolol 2.5 mg daily by the hospital.
You said that your mother takes levothyroxine 100 mcg daily.
As you know, your wife uses the same cream twice a day.
You decided not to have the flu vaccine.
We may talk about starting a statin when we next meet.
You asked about melatonin 2 mg at night.
I understand you were taking codeine 30 mg four times a day until March.
You have been using the steroid cream twice a day since May.
You do not need to take the iron tablets 200 mg daily any more.
Your GP will check your kidney function in 2 weeks.
I will write to your GP.
Your previous tablets were amlodipine 5 mg daily, losartan 50 mg daily.
""",
    "complaints / findings": """
Wakes three times a night to pass urine.
Headaches twice a week for two months.
Drinks 30 units a week, smokes 20 a day.
Opens bowels 4 times a day.
Walks the dog twice a day.
Sleeps 5 hours a night.
He plays tennis every Tuesday and Thursday.
Works nights four times a week.
Pain 7/10, worse at night and in the morning.
Peak flow 380, falls to 300 in the mornings.
INR 2.5 every month this year.
Weight 82 kg, down 2 kg in 3 months.
Uses salbutamol twice a week at most.
Checks his sugars four times a day.
She eats breakfast every day at 8 am.
Nosebleeds every other day since August.
Fume 10 cigarettes par jour.
Bebe dos cervezas al día.
Camina 30 minutos al día.
Se levanta tres veces por la noche.
Il prend déjà du paracétamol 1 g trois fois par jour.
Actuellement sous bisoprolol 2,5 mg le matin et furosémide 40 mg le matin.
Traitement habituel : amlodipine 5 mg le matin, metformine 1 g matin et soir.
Tratamiento habitual: enalapril 10 mg cada 24 h, omeprazol 20 mg cada 24 h.
Tomaba omeprazol 20 mg al día hasta enero.
Ha tomado amoxicilina 500 mg cada 8 horas durante 7 días sin mejoría.
A reçu de l'amoxicilline 1 g deux fois par jour pendant 6 jours en mai.
Avait pris du tramadol 50 mg trois fois par jour sans effet.
En tratamiento con metformina 850 mg cada 12 horas y glimepirida 2 mg al día.
""",
    "told by a wider circle": """
Her landlady insists on castor oil 10 ml every night.
The gym instructor has him on creatine 5 g daily.
His uncle in Leeds was cured with colchicine 500 mcg twice a day.
A man at church takes glucosamine 1.5 g a day and is much better.
Colleague at work recommends magnesium 300 mg nightly.
The chemist sold her loperamide 2 mg four times a day.
Her daughter gives her senna 15 mg at night.
Son fills the dosette box every Sunday.
Partner injects the insulin 20 units each evening.
Homecare team visit four times a day.
A nurse comes in to change the patch every three days.
School gives his methylphenidate 10 mg at noon.
Grandad had his aspirin 75 mg stopped last week.
Both parents take statins.
Their cat has thyroid tablets twice a day.
She borrowed a friend's tramadol 50 mg three times a day last week.
The dentist gave metronidazole 400 mg tds for 3 days.
The out-of-hours doctor started clarithromycin 500 mg bd on Sunday.
A&E gave him diclofenac 50 mg tds.
The private clinic put her on testosterone gel daily.
The previous surgery had him down for ramipril 10 mg od.
Ambulance crew gave aspirin 300 mg.
Anaesthetist gave dexamethasone 8 mg in theatre.
The renal unit will adjust his darbepoetin weekly.
The diabetic nurse will start insulin 10 units at night next week.
Dietician is seeing her monthly.
Someone from the rehab team rings every Tuesday.
It was the locum who suggested quinine 200 mg at night.
Spouse is on the same antibiotic, doxycycline 100 mg bd.
Roommate treated with malathion, to repeat in 7 days.
""",
    "told by time": """
Ramipril 5 mg od until March, when the cough began.
Two years of sertraline 50 mg daily with good effect.
Between 2015 and 2019 he had methotrexate 15 mg weekly.
Since July she has used clobetasol ointment nightly.
For the past month: ibuprofen 400 mg three times a day.
Over the last fortnight he has taken codeine 30 mg qds.
Antibiotics twice this winter (amoxicillin 500 mg tds, doxycycline 100 mg od).
Previously: nitrofurantoin 50 mg at night for six months.
As a teenager she had isotretinoin 40 mg daily for 5 months.
Last flare treated with prednisolone 30 mg daily for a week.
Before the operation he took warfarin 4 mg daily.
Day 3 of flucloxacillin 500 mg qds from the walk-in centre.
Halfway through a week of trimethoprim 200 mg bd from the pharmacist.
Just finished a week of aciclovir 800 mg five times daily.
Has now had six weeks of naproxen 500 mg bd.
Having taken omeprazole 20 mg daily for a month, she is no better.
After 4 weeks of amitriptyline 10 mg nocte there is no change.
Despite gabapentin 300 mg tds he still has pain.
While on atenolol 50 mg daily her hands were cold.
Already on maximum doxazosin 8 mg bd.
Prior treatment: salbutamol 2 puffs qds, no response.
Tried lactulose 15 ml bd, Movicol 2 sachets daily, senna 2 nocte - nothing works.
Started by the hospital last week on digoxin 125 mcg daily.
Vaccinated against flu on 3 October.
Stitches came out on Monday.
MRI was booked in error.
Blood test taken today, results in a week.
Sent for x-ray this morning.
Cervical screening done in January, next due 2029.
Cortisone injection given into the left knee at this visit.
1st dose of hepatitis B vaccine administered today.
Wound dressed and swabbed.
Ear syringed in clinic.
Sick note issued for two weeks.
Written for physio already.
Referral sent to dermatology last week.
Prescription for amoxicillin 500 mg tds cancelled.
""",
    "told by stance": """
Statin was discussed; she is still thinking.
He'd sooner not have injections.
She is in two minds about the coil.
Chooses not to have chemotherapy.
Against medical advice he has stopped his warfarin 3 mg daily.
She has decided against HRT patches twice a week.
Unhappy with the idea of insulin 4 times a day.
He does not see the point of a statin 20 mg nightly.
Politely refused the offer of counselling once a week.
Will think it over: sertraline 50 mg daily.
Hesitant about starting methotrexate 10 mg weekly.
Couldn't face another course of metronidazole 400 mg tds.
Not willing to try CPAP every night.
Happy without any treatment.
Didn't fill the script for ramipril 2.5 mg daily.
Hasn't been taking her levothyroxine 75 mcg daily.
Forgets his evening metformin 500 mg most days.
Skips the lunchtime dose twice a week.
Misses amlodipine 5 mg twice a week.
Only takes furosemide 40 mg on alternate days instead of daily.
Threw away the steroid cream.
Not taking any of the prescribed tablets: ramipril 5 mg, simvastatin 40 mg nocte.
Never started the mirtazapine 15 mg nocte.
The idea of weekly injections appals her.
""",
    "perhaps": """
Amlodipine 5 mg od would be my next choice.
Thereafter possibly azathioprine 50 mg daily.
We will see about metformin 500 mg bd in the new year.
If this does not work, the next thing is topiramate 25 mg at night.
If he relapses we shall go for lithium 400 mg at night.
Failing that, botulinum toxin every 12 weeks.
Should BP stay high then ramipril 2.5 mg od is what I would add.
There may be a case for spironolactone 25 mg daily.
Room to raise gabapentin to 600 mg tds.
I wonder whether bisoprolol 2.5 mg daily would help.
In the long run he will probably need insulin 10 units nightly.
To be decided at MDT: radiotherapy daily for 3 weeks.
Await bloods before deciding on allopurinol 100 mg daily.
Depending on the scan, tamoxifen 20 mg daily for 5 years.
Provisional plan for surgery in the autumn.
Not yet time for memantine 10 mg daily.
Down the road a trial of ropinirole 0.25 mg at night.
HRT remains a possibility.
Physio twice a week if funding allows.
Colposcopy only if the next smear is abnormal.
A statin is something to talk about another day.
We toyed with the idea of pregabalin 75 mg bd.
We shall revisit naltrexone 50 mg daily in spring.
Keep in mind dapagliflozin 10 mg daily for the future.
Could do with seeing a dietitian.
""",
    "stopped": """
Ramipril 5 mg od on hold.
Amlodipine 10 mg od - now off it.
Metformin 1 g bd withheld.
Withhold ramipril 5 mg od and furosemide 40 mg od for 48 hours.
Please discontinue the codeine 30 mg qds.
No more prednisolone 5 mg daily.
Off all diuretics (furosemide 40 mg, spironolactone 25 mg).
I have taken her off atenolol 50 mg daily.
I have asked him to stop naproxen 500 mg bd and aspirin 75 mg od.
Time to stop alendronate 70 mg weekly.
We are stopping the simvastatin 40 mg nocte.
Doxazosin 4 mg od to be withdrawn.
Pioglitazone 30 mg od no longer indicated.
Sertraline 50 mg od has been stopped.
Warfarin 3 mg od is finished.
Dejar de tomar ibuprofeno 600 mg cada 8 horas.
Se suspende amlodipino 5 mg al día.
On arrête le ramipril 5 mg par jour.
Fin du traitement par prednisone 20 mg par jour.
Finalizó amoxicilina 500 mg cada 8 horas.
""",
    "prohibition and negation": """
Under no circumstances take ibuprofen 400 mg with warfarin.
You must not drink alcohol for 48 hours.
Patient not to take metronidazole 400 mg with alcohol.
There is no place for antibiotics 3 times a day.
We did not feel that oramorph 5 mg four hourly was right.
Not a candidate for apixaban 5 mg bd.
Unsuitable for tramadol 50 mg qds.
Codeine 30 mg is best avoided.
Aspirin 300 mg: allergic.
Penicillin makes her wheeze.
Rash after co-trimoxazole 960 mg bd.
Not indicated: CT head, antibiotics, admission.
Nil indication for steroid eye drops four times a day.
Antibiotics withheld.
No bloods needed this time.
No follow-up required.
No changes to medication today.
No further appointments necessary.
Vaccines: none needed.
Sin necesidad de antibiótico cada 8 horas.
No se recomienda reposo absoluto.
Pas de radio ni de prise de sang.
Inutile de reprendre l'amoxicilline 1 g deux fois par jour.
L'aspirine 75 mg n'est pas indiquée.
Contre-indication aux AINS deux fois par jour.
""",
    "findings": """
BP 132/84 in the mornings, 126/80 in the evenings.
Seizures once a month, each lasting 2 minutes.
Eats three meals a day and snacks twice.
She breastfeeds every 3 hours.
The baby takes 90 ml every 4 hours.
Passing urine 8 times a day.
He runs 5 km three times a week.
Swims twice a week.
Alcohol: 2 glasses of wine every evening.
Tobacco: 15 a day for 30 years.
Takes the bus to work every day.
Coughs every morning, worse in winter.
Hypos twice a week before lunch.
Period every 28 days, lasting 5 days.
Naps for an hour every afternoon.
Blood sugars 6-8 before breakfast, 9-12 at bedtime.
Temperature 38.2 at night for three days.
Weight up 3 kg in 6 weeks.
Migraine with aura 4 times a month.
Peak flows 400 in the morning and 450 at night.
Smokes cannabis at weekends.
Works night shifts 4 times a week.
Cares for her mother every day.
Looks after two grandchildren on Mondays and Wednesdays.
Duerme 4 horas por noche.
Vomita tres veces al día desde ayer.
Dort mal, se réveille trois fois par nuit.
Mange trois fois par jour.
Boit un verre de vin tous les soirs.
""",
    "French and Spanish told": """
Sa voisine lui a conseillé du magnésium 300 mg le soir.
La pharmacienne lui a donné du paracétamol 1 g trois fois par jour.
Le cardiologue a prescrit du bisoprolol 2,5 mg en mars.
Elle avait arrêté la pilule.
Il a déjà pris de l'ibuprofène 400 mg trois fois par jour.
Sous metformine 850 mg matin et soir depuis 2018.
Prend du Kardégic 75 mg par jour.
Ses médicaments : bisoprolol 2,5 mg le matin, atorvastatine 20 mg le soir.
Le patient ne veut pas d'insuline.
N'a pas voulu du vaccin.
L'infirmière passera tous les jours pour le pansement.
Si pas d'amélioration, on envisagera une infiltration.
La fille du patient prépare le pilulier chaque semaine.
Su madre toma levotiroxina 100 mcg al día.
Le recetaron amoxicilina 500 mg cada 8 horas en urgencias.
El farmacéutico le dio loratadina 10 mg al día.
Medicación habitual: losartán 50 mg cada 24 horas, metformina 850 mg cada 12 horas.
Lleva dos meses con omeprazol 20 mg al día.
Estuvo con prednisona 30 mg al día el año pasado.
No ha querido vacunarse.
Prefiere no tomar estatinas 20 mg por la noche.
Se podría añadir amlodipino 5 mg al día.
La enfermera irá a curarle cada dos días.
Ya no toma aspirina 100 mg al día.
Alérgico a la penicilina.
""",
    "third round": """
He inherited his tablets (bisoprolol 5 mg, ramipril 10 mg) from the cardiology clinic.
Long-standing user of zopiclone 7.5 mg nightly.
Regular user of cocodamol 30/500 eight a day.
Ex-smoker of 20 a day.
Intake: 2 litres of cola a day.
Her usual dose is insulin glargine 18 units at night and novorapid 6 units with meals.
Amlodipine 10 mg: ankle swelling, so abandoned.
Tolerated ramipril 2.5 mg well, but cough on 5 mg od.
Had one dose of ceftriaxone 1 g im yesterday.
Given stat benzylpenicillin 1.2 g before transfer.
Patient self-administers adalimumab 40 mg every two weeks.
Compliance with metformin 1 g bd is patchy.
Non-adherent to methotrexate 15 mg weekly.
Adherence to CPAP 6 hours a night.
Blister pack: contains amlodipine 5 mg, aspirin 75 mg, simvastatin 40 mg nocte.
Mum treats the fever with paracetamol 250 mg every 6 hours.
Mother rubs Vicks on his chest every night.
They have been giving him lactulose 5 ml bd.
Using eye drops from abroad three times a day.
Swears she takes levothyroxine 100 mcg every day.
Claims to take all tablets daily.
Insists on diazepam 5 mg tds.
Keen on a private scan next week.
Enquired about Viagra 50 mg.
Pharmacy queried methotrexate 10 mg daily.
Wants to know if he can take ibuprofen 400 mg with it.
Brought a bag of herbal tablets, two a day.
Discharge letter lists furosemide 40 mg od, ramipril 5 mg od, bisoprolol 2.5 mg od.
Hospital changed the ramipril 5 mg od to losartan 50 mg od in June.
Cardiology increased bisoprolol to 5 mg od last month.
In the summer the dose went up to 20 mg daily.
Dr Shah increased her sertraline to 100 mg daily in May.
ICU course: noradrenaline, meropenem 1 g tds, hydrocortisone 50 mg qds.
Post-op she had enoxaparin 40 mg daily for 7 days.
During the flight he took zopiclone 7.5 mg.
Antenatally she was on labetalol 200 mg bd.
Before pregnancy: sodium valproate 500 mg bd.
As a child had penicillin V 250 mg bd for rheumatic fever.
Her late husband used oxygen 16 hours a day.
The baby's twin is on the same milk every 3 hours.
Nephew with asthma uses salbutamol 2 puffs four times a day.
Lives with a son who injects insulin four times a day.
Caring for husband, who has dialysis three times a week.
Works as a carer, gives eye drops to residents four times a day.
Yoga on Tuesdays helps.
Physio weekly has helped his back.
Sees a counsellor every fortnight.
Attends dialysis on Monday, Wednesday and Friday.
Under the pain clinic, next appointment in March.
Has an appointment with the surgeon in 3 weeks.
Already booked for echo on 12 March.
Awaiting MRI in 2 weeks.
Waiting list for hip replacement, about 6 months.
CT has been arranged for next Tuesday.
Colonoscopy date: 20 March, letter sent.
On the waiting list for physio, 8 weeks.
Repeat bloods were due in January.
Did not attend the smear in May.
Missed her review last month.
DNA'd physio twice.
Cancelled the last two appointments.
Next of kin to be told by ward staff.
Ward to arrange transport.
GP kindly to continue amlodipine 5 mg daily.
GP to prescribe: atorvastatin 80 mg nightly.
Please could you start allopurinol 100 mg daily in two weeks.
Could you kindly repeat her U&E in one week.
We'd be grateful if you would titrate the ramipril to 10 mg daily.
I have asked the district nurses to dress the wound twice a week.
I have requested that the GP checks LFTs monthly.
The dietitian has advised the ward to weigh her weekly.
MDT outcome: surgery, date to follow.
Team happy for amlodipine 10 mg to be tried by GP if needed.
Radiology will contact the patient.
Letter to school about EpiPen.
Discussed with haematology: no need for aspirin 75 mg daily.
Consultant felt that warfarin 3 mg daily was too risky.
Options are metformin 500 mg bd, or diet alone; he is undecided.
We went through the options: HRT patches twice weekly, or gel daily.
Either citalopram 20 mg od or mirtazapine 15 mg nocte; to decide next time.
If she changes her mind, sertraline 50 mg daily is what I'd use.
Will ring if she decides to go ahead with the statin 20 mg nightly.
He is going to think about Champix 1 mg bd.
Consider vit D 1000 units daily.
?start PPI.
? for physio
?needs levothyroxine 25 mcg od
Query trial of montelukast 10 mg nocte.
Rationale for not giving antibiotics explained.
Advised against ibuprofen 400 mg tds.
Warned off herbal sleeping tablets at night.
Told not to take her husband's tramadol 50 mg qds.
Reminded that antibiotics 3 times a day do not treat viruses.
Explained why steroids 30 mg daily are not safe.
I do not recommend glucosamine 1500 mg daily.
We don't advise sleeping tablets nightly.
I would not use amoxicillin 500 mg tds here.
It is not safe to take naproxen 500 mg bd with apixaban.
Ibuprofen 400 mg is to be avoided.
Contraindicated: NSAIDs, triptans.
No fluids restriction.
Nothing else needed.
Nil new meds.
No steroid this time.
Hold off on the scan.
Leave metformin alone.
Doesn't drink or smoke 20 a day any more.
Rarely needs salbutamol 2 puffs.
Last took sumatriptan 50 mg on Sunday.
Last prescription of diazepam 5 mg nocte was in May.
Previous scripts: fluoxetine 20 mg od, zopiclone 7.5 mg nocte.
Failed: amitriptyline 25 mg nocte, gabapentin 300 mg tds, duloxetine 60 mg od.
Intolerances: atorvastatin 20 mg (myalgia), ramipril 5 mg (cough).
Tried and failed: CPAP nightly.
Not for: IV antibiotics, dialysis three times a week.
Current Rx: bisoprolol 5 mg od, apixaban 5 mg bd.
Takes: omeprazole 20 mg od, citalopram 20 mg od.
Meds: amlodipine 5 mg od, metformin 500 mg bd.
Medications: aspirin 75 mg daily, atorvastatin 40 mg daily.
On: bisoprolol 5 mg od, furosemide 40 mg om.
RX HX: salbutamol 2 puffs prn, clenil 2 puffs bd.
Allergies/meds: NKDA; levothyroxine 75 mcg od.
Current contraception: Microgynon daily.
Contraception: condoms every time.
Sleep: 5 hours a night.
""",
}


def steps_of(text: str) -> list[str]:
    """The quotes of the steps that a patient would get."""
    return [k.item.quote for k in guard(text, read_note(text, DAY), day=DAY).kept]


@pytest.mark.parametrize("kind", TOLD)
def test_what_is_told_is_no_step(kind: str) -> None:
    found = {line: steps_of(line) for line in TOLD[kind].strip().splitlines()}
    assert {line: quotes for line, quotes in found.items() if quotes} == {}


@pytest.mark.parametrize(
    ("note", "quotes"),
    [
        ("Currently on ramipril 5 mg od; continue, and add amlodipine 5 mg od.", ["add amlodipine 5 mg od"]),
        ("On ramipril 5 mg od, increase to 10 mg od.", ["increase to 10 mg od"]),
        ("Was on atenolol 50 mg od, now bisoprolol 5 mg od.", ["now bisoprolol 5 mg od"]),
        ("Stop naproxen 500 mg bd and take paracetamol 1 g qds.", ["take paracetamol 1 g qds"]),
        ("Can't tolerate metformin, so gliclazide 40 mg daily.", ["gliclazide 40 mg daily"]),
        ("Antibiotics not needed, steam inhalation twice a day.", ["steam inhalation twice a day"]),
        ("Not for surgery but physio weekly for 6 weeks.", ["physio weekly for 6 weeks"]),
        ("Penicillin allergy - clarithromycin 500 mg bd for 7 days.", ["clarithromycin 500 mg bd for 7 days"]),
    ],
)
def test_an_order_opens_anew_after_what_is_told(note: str, quotes: list[str]) -> None:
    found = steps_of(note)
    assert [any(q in f for f in found) for q in quotes] == [True] * len(quotes)
    assert len(found) <= len(quotes) + 1


@pytest.mark.parametrize(
    ("line", "schedule"),
    [
        ("Doxycycline 100 BD 7/7", (2, 1, 7)),
        ("Co-amox 625 TDS 7/7", (3, 1, 7)),
        ("Olanzapine 10 mg ON", (1, 1, None)),
        ("atorvastatin 20mg on (new)", (1, 1, None)),
        ("R eye Cosopt bd", (2, 1, None)),
        ("Naseptin qds 10 days", (4, 1, 10)),
        ("Amitrip 10 nocte", (1, 1, None)),
    ],
)
def test_the_shortest_line_of_a_prescription_is_read(line: str, schedule: tuple[int, int, int | None]) -> None:
    (kept,) = guard(f"{line}.", read_note(f"{line}.", DAY), day=DAY).kept
    assert kept.kind == "plan"
    item = kept.item.model_dump()
    assert (item["times_per_day"], item["every_days"], item["duration_days"]) == schedule
