"""Tariff: what the operator pays besides the market price."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from grids.components import Data

Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Tariff(Data):
    """Tariff of the operator's payments and costs besides the market price (Table 4).

    Attributes
    ----------
    load_curtailment_factor : float
        Compensation γ_L of curtailed load, as a multiple of the magnitude of the day-ahead price (Eq. 9).
    generation_factor : float
        Share of the day-ahead price that is paid to renewables for their output (Eq. 10): 0 where they are the
        operator's own.
    generation_curtailment_factor : float
        Compensation γ_G of curtailed renewable output, as a multiple of the day-ahead price (Eq. 11); none is due
        below a price of zero.
    loss_factor : float
        Weight of the losses' value, at the magnitude of the day-ahead price, in the operator's books (Eq. 12; the
        exchange pays for them as well).
    wear_fast, wear_cycling : float
        α and β of the battery wear α·P² - β·P·P_previous, in $ for MW² (Eq. 17; Li, Chen and Low 2011). With
        β <= α the wear of every schedule is positive.
    """

    load_curtailment_factor: Factor = 3.0
    generation_factor: Factor = 1.0
    generation_curtailment_factor: Factor = 0.8
    loss_factor: Factor = 1.0
    wear_fast: Factor = 1.0
    wear_cycling: Factor = 0.75

    @model_validator(mode="after")
    def _wear_is_convex(self) -> Self:
        if self.wear_cycling > self.wear_fast:
            raise ValueError(
                f"wear_cycling {self.wear_cycling} must not exceed wear_fast {self.wear_fast}: it would pay to cycle"
            )
        return self
