"""What lab.yaml may say of who is told when a night is over."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

__all__ = ["NotifySpec"]


class NotifySpec(BaseModel):
    """A command that gets the summary as JSON on standard input, a URL it is posted to.

    The URL counts as a secret: chat services put the right to write into it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    command: str = ""
    """A command that gets the summary as JSON on its standard input."""
    webhook: SecretStr = SecretStr("")
    """A URL the summary is posted to as JSON; a secret."""

    @model_validator(mode="after")
    def _is_a_url(self) -> Self:
        url = self.webhook.get_secret_value()
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("webhook: a URL that begins with http:// or https://")
        return self
