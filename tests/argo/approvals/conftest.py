from __future__ import annotations

import pytest
from temporalio.client import Client

from tests.argo.approvals.scene import Replica, replica


@pytest.fixture
def one(client: Client) -> Replica:
    return replica(client)
