"""What an unquoted YAML value is to Argo.

Argo reads YAML through sigs.k8s.io/yaml, that is go-yaml v2 and then JSON: YAML 1.1 booleans (`y`, `on`, …),
octal `010`, `1_000`. Source: gopkg.in/yaml.v2 resolve.go. Times are left as text there, and here.
"""

from __future__ import annotations

import json
import math
import re
from typing import TypeAlias

Value: TypeAlias = bool | int | float | str | None

_TRUE = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"}
_FALSE = {"n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE"}
_NULL = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?(?:0b[01]+|0x[0-9a-fA-F]+|0o?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INT64 = 2**63


def resolve(text: str) -> Value:
    """The value of an unquoted scalar."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text in _NULL:
        return None
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        return _integer(plain)
    if _FLOAT.fullmatch(plain):
        return float(plain)
    if _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text


def as_text(value: Value) -> str:
    """What Argo makes of the value where it wants a text and takes numbers and booleans too (AnyString)."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value)


def _integer(text: str) -> int | float:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits.startswith(("0x", "0b", "0o")):
        value = int(digits, 0)
    else:
        value = int(digits, 8) if digits.startswith("0") else int(digits[:400])
    return sign * value if value < _INT64 else float(sign * value) if value < 10**308 else math.inf
