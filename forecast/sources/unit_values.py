"""The unit value of a customs flow, for sources that give what it is worth and what it weighs."""

from __future__ import annotations

#: Kilograms. A month with less has no unit value: samples and single lots cost 10 to 600 times what a shipment does.
SMALLEST_LOT = 250.0


def unit_value(dollars: float, kilograms: float) -> float | None:
    """USD/kg, or None where too little was traded to tell."""
    return dollars / kilograms if dollars > 0 and kilograms >= SMALLEST_LOT else None
