"""The OpenAPI description is complete, and what it promises holds for requests that nobody would write."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ssmphony.server.encoding import MEDIA_TYPES
from ssmphony.server.page import __path__ as _  # noqa: F401
