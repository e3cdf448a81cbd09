"""Ways to pay, in words."""

from bff_mobile.phrases import phrase
from services import payments


def method_text(method: payments.UsedMethod | payments.PaymentMethod, locale: str) -> str:
    """``Visa ending 4242``, ``PayPal``; a way that nobody knows yet reads so."""
    if method.kind is not payments.MethodKind.CARD:
        return phrase(f"method_{method.kind.value}", locale)
    card = method.brand or phrase("method_card", locale)
    return phrase("method_card_ending", locale, brand=card, last4=method.last4) if method.last4 else card


def payment_text(payment: payments.Payment, locale: str) -> str:
    """``Visa ending 4242 - paid``; the way to pay alone where nobody knows how the payment stands."""
    method = method_text(payment.method, locale)
    if payment.status is payments.PaymentStatus.UNKNOWN:
        return method
    return phrase("payment", locale, method=method, status=phrase(f"payment_{payment.status.value}", locale))
