"""The words of the letters, in each language. They name no medicine, no doctor and no hospital visit."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    subject: str
    body: str


_EN = {
    "verify": Text(
        "Confirm your address",
        "Somebody signed up for Aftercare with this address. If it was you, open this link and enter the password "
        "that you chose:\n\n{link}\n\nIt works for two days. If it was not you, do nothing: no account will exist.\n",
    ),
    "already": Text(
        "You already have an account",
        "Somebody signed up for Aftercare with this address, and it already has an account. If it was you, sign in, "
        "or choose a new password here:\n\n{page}\n\nIf it was not you, there is nothing to do.\n",
    ),
    "reset": Text(
        "Choose a new password",
        "You asked for a new password. Open this link to choose one:\n\n{link}\n\nIt works once, within one hour. "
        "If you did not ask, do nothing: your password stays as it is.\n",
    ),
    "reset-by-hospital": Text(
        "A link to choose a password",
        "The hospital made a link for you to choose a password:\n\n{link}\n\nIt works once, within one hour. If you "
        "did not ask the hospital for this, tell them.\n",
    ),
    "sign-in-reused": Text(
        "A device was signed out",
        "An old sign-in of yours was used a second time, so we signed that device out. If you changed phones or "
        "restored one, sign in again. If not, choose a new password here:\n\n{page}\n",
    ),
    "reminder": Text(
        "A reminder waits for you",
        "A reminder waits for you in Aftercare:\n\n{page}\n\nYou get this e-mail because you asked for one when no "
        "page of yours has shown a reminder. For no more of them, open this link:\n\n{link}\n",
    ),
    "second-factor-added": Text(
        "A second factor was added",
        "A second factor was added to your account in Aftercare: signing in takes it from now on. If it was not you, "
        "choose a new password here, and tell the hospital:\n\n{page}\n",
    ),
    "second-factor-removed": Text(
        "A second factor was removed",
        "A second factor was removed from your account in Aftercare. If it was not you, choose a new password here, "
        "and tell the hospital:\n\n{page}\n",
    ),
    "second-factor-ends": Text(
        "Your second factor is going to be removed",
        "The hospital was asked to remove the second factor of your account in Aftercare, because it was lost. That "
        "happens after a waiting time. If you did not ask for it, sign in with your second factor now: that stops "
        "it. Then tell the hospital.\n",
    ),
    "second-factor-guessed": Text(
        "Somebody may know your password",
        "Somebody entered your password in Aftercare and then a wrong code, several times. If it was not you, choose "
        "a new password here:\n\n{page}\n",
    ),
    "recovery-code-used": Text(
        "A recovery code was used",
        "Somebody signed in to your account in Aftercare with a recovery code. If it was not you, choose a new "
        "password here, and tell the hospital:\n\n{page}\n",
    ),
    "recovery-codes-made": Text(
        "New recovery codes",
        "New recovery codes were made for your account in Aftercare; the old ones no longer work. If it was not you, "
        "choose a new password here, and tell the hospital:\n\n{page}\n",
    ),
    "carer-invitation": Text(
        "Somebody asks for your help",
        "Somebody who uses Aftercare asks you to help them keep to their plan. Open this link to see who asks, and to "
        "accept or not:\n\n{link}\n\nIt works once, within seven days. If you do not know what this is about, do "
        "nothing: nothing will happen.\n",
    ),
    "carer-alert": Text(
        "Something waits for an answer",
        "Something has waited for an answer for a while at a person for whom you care in Aftercare:\n\n{page}\n\n"
        "You get this e-mail because you or they asked for it. You can change that on your page.\n",
    ),
    "doctor-approved": Text(
        "Your account is approved",
        "Your account in Aftercare is approved. You can sign in now:\n\n{page}\n",
    ),
    "doctor-refused": Text(
        "Your account is not approved",
        "The hospital did not approve your account in Aftercare, and it is closed. If you think that this is a "
        "mistake, ask the hospital.\n",
    ),
}
_ES = {
    "verify": Text(
        "Confirme su dirección",
        "Alguien se registró en Aftercare con esta dirección. Si fue usted, abra este enlace y escriba la contraseña "
        "que eligió:\n\n{link}\n\nFunciona durante dos días. Si no fue usted, no haga nada: no habrá ninguna cuenta.\n",
    ),
    "already": Text(
        "Usted ya tiene una cuenta",
        "Alguien se registró en Aftercare con esta dirección, que ya tiene una cuenta. Si fue usted, inicie sesión o "
        "elija una contraseña nueva aquí:\n\n{page}\n\nSi no fue usted, no tiene que hacer nada.\n",
    ),
    "reset": Text(
        "Elija una contraseña nueva",
        "Usted pidió una contraseña nueva. Abra este enlace para elegirla:\n\n{link}\n\nFunciona una sola vez, durante "
        "una hora. Si no la pidió, no haga nada: su contraseña sigue igual.\n",
    ),
    "reset-by-hospital": Text(
        "Un enlace para elegir contraseña",
        "El hospital creó un enlace para que usted elija una contraseña:\n\n{link}\n\nFunciona una sola vez, durante "
        "una hora. Si usted no lo pidió, avise al hospital.\n",
    ),
    "sign-in-reused": Text(
        "Se cerró la sesión de un dispositivo",
        "Una sesión antigua se usó por segunda vez, así que cerramos la sesión de ese dispositivo. Si cambió de "
        "teléfono, inicie sesión otra vez. Si no, elija una contraseña nueva aquí:\n\n{page}\n",
    ),
    "reminder": Text(
        "Tiene un aviso",
        "Tiene un aviso en Aftercare:\n\n{page}\n\nRecibe este correo porque lo pidió para cuando ninguna "
        "página suya haya mostrado un aviso. Para no recibir más, abra este enlace:\n\n{link}\n",
    ),
    "second-factor-added": Text(
        "Se añadió un segundo factor",
        "Se añadió un segundo factor a su cuenta de Aftercare: desde ahora hace falta para iniciar sesión. Si no fue "
        "usted, elija una contraseña nueva aquí y avise al hospital:\n\n{page}\n",
    ),
    "second-factor-removed": Text(
        "Se quitó un segundo factor",
        "Se quitó un segundo factor de su cuenta de Aftercare. Si no fue usted, elija una contraseña nueva aquí y "
        "avise al hospital:\n\n{page}\n",
    ),
    "second-factor-ends": Text(
        "Se va a quitar su segundo factor",
        "Se pidió al hospital que quite el segundo factor de su cuenta de Aftercare porque se perdió. Ocurrirá "
        "después de un tiempo de espera. Si usted no lo pidió, inicie sesión ahora con su segundo factor: eso lo "
        "detiene. Después avise al hospital.\n",
    ),
    "second-factor-guessed": Text(
        "Alguien puede conocer su contraseña",
        "Alguien escribió su contraseña en Aftercare y después un código incorrecto, varias veces. Si no fue usted, "
        "elija una contraseña nueva aquí:\n\n{page}\n",
    ),
    "recovery-code-used": Text(
        "Se usó un código de recuperación",
        "Alguien inició sesión en su cuenta de Aftercare con un código de recuperación. Si no fue usted, elija una "
        "contraseña nueva aquí y avise al hospital:\n\n{page}\n",
    ),
    "recovery-codes-made": Text(
        "Códigos de recuperación nuevos",
        "Se crearon códigos de recuperación nuevos para su cuenta de Aftercare; los anteriores ya no funcionan. Si "
        "no fue usted, elija una contraseña nueva aquí y avise al hospital:\n\n{page}\n",
    ),
    "carer-invitation": Text(
        "Alguien le pide ayuda",
        "Alguien que usa Aftercare le pide ayuda para seguir su plan. Abra este enlace para ver quién es, y para "
        "aceptar o no:\n\n{link}\n\nFunciona una sola vez, durante siete días. Si no sabe de qué se trata, no haga "
        "nada: no pasará nada.\n",
    ),
    "carer-alert": Text(
        "Algo espera una respuesta",
        "Algo espera una respuesta desde hace un rato en la página de una persona a quien usted cuida en "
        "Aftercare:\n\n{page}\n\nRecibe este correo porque usted o esa persona lo pidió. Puede cambiarlo en su "
        "página.\n",
    ),
    "doctor-approved": Text(
        "Su cuenta está aprobada",
        "Su cuenta en Aftercare está aprobada. Ya puede iniciar sesión:\n\n{page}\n",
    ),
    "doctor-refused": Text(
        "Su cuenta no fue aprobada",
        "El hospital no aprobó su cuenta en Aftercare, y está cerrada. Si cree que es un error, pregunte al "
        "hospital.\n",
    ),
}
LANGUAGES = {"en": _EN, "es": _ES}


def letter_text(kind: str, language: str, *, link: str, page: str) -> Text:
    """The words of one letter. ``link`` carries its secret; ``page`` is a public page."""
    text = LANGUAGES.get(language.split("-")[0], _EN).get(kind) or _EN[kind]
    return Text(text.subject, text.body.format(link=link, page=page))
