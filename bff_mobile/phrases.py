"""The few sentences that CLDR does not have, in the languages the app is translated to."""

from collections.abc import Mapping

#: The language of a locale nobody translated for.
DEFAULT = "en"

PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "in_stock": "In stock",
        "low": "Only {count} left",
        "out_of_stock": "Sold out",
        "preorder": "Available to pre-order",
        "unknown": "Ask for availability",
        "no_reviews": "No reviews yet",
        "reviews": "{average} ({count})",
        "somebody": "A customer",
        "member_since": "Customer since {day}",
    },
    "es": {
        "in_stock": "En stock",
        "low": "Solo quedan {count}",
        "out_of_stock": "Agotado",
        "preorder": "Disponible para reservar",
        "unknown": "Consultar disponibilidad",
        "no_reviews": "Todavía sin opiniones",
        "reviews": "{average} ({count})",
        "somebody": "Un cliente",
        "member_since": "Cliente desde el {day}",
    },
    "de": {
        "in_stock": "Auf Lager",
        "low": "Nur noch {count} auf Lager",
        "out_of_stock": "Ausverkauft",
        "preorder": "Vorbestellbar",
        "unknown": "Verfügbarkeit erfragen",
        "no_reviews": "Noch keine Bewertungen",
        "reviews": "{average} ({count})",
        "somebody": "Jemand aus der Kundschaft",
        "member_since": "Dabei seit {day}",
    },
    "ja": {
        "in_stock": "在庫あり",
        "low": "残り{count}点",
        "out_of_stock": "売り切れ",
        "preorder": "予約受付中",
        "unknown": "在庫はお問い合わせください",
        "no_reviews": "レビューはまだありません",
        "reviews": "{average}({count})",
        "somebody": "お客様",
        "member_since": "{day}から登録",
    },
}


def phrase(name: str, locale: str, **values: str) -> str:
    """The sentence in the locale's language, else in English."""
    language = locale.partition("-")[0]
    return PHRASES.get(language, PHRASES[DEFAULT])[name].format(**values)
