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
}
LANGUAGES = {"en": _EN, "es": _ES}


def letter_text(kind: str, language: str, *, link: str, page: str) -> Text:
    """The words of one letter. ``link`` carries its secret; ``page`` is a page that anybody may open."""
    text = LANGUAGES.get(language.split("-")[0], _EN).get(kind) or _EN[kind]
    return Text(text.subject, text.body.format(link=link, page=page))
