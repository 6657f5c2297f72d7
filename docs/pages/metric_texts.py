"""What the services' metrics mean, and where to look when one is odd."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    meaning: str
    odd: str


BRIDGE: dict[str, Text] = {
    "crossover_starts_total": Text(
        "Starts that were answered; `outcome` is `created` (a new run) or `attached` (the node had one).",
        "Many `attached`: step pods are lost and come back. See why (evictions, memory) before anything "
        "else.",
    ),
    "crossover_waiting_clients": Text(
        "Requests that wait for a run now.",
        "Far below the number of running steps: they cannot reach this replica, or are in an outage.",
    ),
    "crossover_watched_runs": Text(
        "Runs that are waited for now; `by` is `long poll` (noticed in milliseconds) or `sweep` (about a"
        " second).",
        "`sweep` above 0: `long_poll_limit` is reached. That is by design; raise it only with Temporal's"
        " limit.",
    ),
    "crossover_notify_latency_seconds": Text(
        "From a run's close, by Temporal's clock, to its waiting clients being answered.",
        "Above 2 s: Temporal's visibility lags, the sweep fails, or this replica's clock differs from "
        "Temporal's.",
    ),
    "crossover_temporal_calls_total": Text(
        "Calls to Temporal; `call` is the API's name, `outcome` is `OK`, `CONNECT` or gRPC's status.",
        "`RESOURCE_EXHAUSTED`: a limit of Temporal's is reached. `CONNECT`, `UNAVAILABLE`, `CANCELLED`: "
        "it is away or frozen. `PERMISSION_DENIED`: the bridge's own credential.",
    ),
    "crossover_decisions_total": Text(
        "Nodes decided; each counts once, however often it is asked about. `reason` is OpenFeature's.",
        "`ERROR`: Temporal was away, so nodes that the flags would have put on it are legacy. `DEFAULT`: no "
        "rule decides, or there is no such flag.",
    ),
    "crossover_flags_version": Text(
        "Version of the flag document that is in force on this replica; 0 is none.",
        "Replicas differ for more than a few seconds: one cannot read the store, or refuses what it holds.",
    ),
    "crossover_flags_not_fresh": Text(
        "1 while the flags in force are not known to be the store's; `state` is `stale` (it cannot be read) "
        "or `refused` (it holds something that does not follow from them).",
        "`refused` waits for your word: `GET /v1/flag-store` says what is wrong. See "
        "[flags.md](flags.md#when-something-is-away).",
    ),
    "crossover_unwritten": Text(
        "Entries that wait for a store that is away; `store` is `decisions`, `outcomes` or `audit`.",
        "It grows while Redis is away and falls to 0 when it is back. If it does not fall, the log says what "
        "Redis refuses.",
    ),
    "crossover_lost_total": Text(
        "Entries that their store never got; for `decisions`: nodes that two replicas decided differently "
        "in an outage.",
        "`outcomes` and `audit`: an outage outlasted what a replica keeps; the audit's lines are still on "
        "standard output. `decisions`: the log names the nodes.",
    ),
    "crossover_approvals_total": Text(
        "Approvals asked for (`requested`), and how they ended (`approved`, `rejected`, `expired`, "
        "`withdrawn`).",
        "`expired`: nobody looks, or `expires_in` is short. `withdrawn`: workflows end before anybody has "
        "decided.",
    ),
    "crossover_errors_total": Text(
        "Answers that are problems; `kind` is one of [errors.md](errors.md).",
        "`internal` is a bug of ours: its log line has the traceback. `input-conflict`: a template changed "
        "its input between retries. `decision-conflict`: a step's decision is not the one that holds for its "
        "node. `unauthenticated`: a token is unknown or was removed.",
    ),
}

CALLBACKS: dict[str, Text] = {
    "crossover_callbacks_total": Text(
        "Deliveries to suspend nodes; `outcome` is `delivered`, `already` (another replica or a person was "
        "quicker), `over` (the workflow), or, of single tries, `retried` and `denied`.",
        "`denied`: Argo refuses the token of `argo_token_file`; it needs `get` and `update` on workflows. "
        "`retried` that grows: Argo is away, or refuses; `/readyz` has its words.",
    ),
    "crossover_callbacks_owed": Text(
        "Runs that are over, and whose suspend node is not completed yet. Replicas may count the same one.",
        "It grows while Argo is away, and falls when it is back. If it does not fall: `retried`, `denied`.",
    ),
    "crossover_callbacks_oldest_owed_seconds": Text(
        "For how long the oldest of them has been tried; 0 while nothing is owed.",
        "Minutes, while Argo answers: its suspend node never comes. `/readyz` or the log names the reason; "
        "see the workflow.",
    ),
    "crossover_callback_latency_seconds": Text(
        "From a run's close, by Temporal's clock, to its suspend node being completed.",
        "Above 1 s: the node came after its run's end, Argo was away, or this replica's clock differs from "
        "Temporal's. It ends with our call: what Argo needs until the next step begins is not in it.",
    ),
    "crossover_orphans_cancelled_total": Text(
        "Runs cancelled because Argo has given up their node; `mode` is `callback` or `plugin`.",
        "Many, while nobody stops workflows: steps run into Argo's limits (`activeDeadlineSeconds`, the "
        "suspend node's `duration`). The audit's `run.cancel` by `crossover` says why, for each.",
    ),
}

AGENT: dict[str, Text] = {
    "crossover_agent_tasks": Text(
        "Tasks of WorkflowTaskSets that are being worked on: runs that are waited for, and `http` requests.",
        "Beyond 5,000: one replica's share; see [shards](services.md#running-the-agent). 0 on the "
        "replica that leads, while nodes are pending: `/readyz`, `namespaces`, `shard`, `instance_id`.",
    ),
    "crossover_agent_leading": Text(
        "1 on the replica that acts.",
        "The sum over a shard's replicas is 0 for more than 20 s: nobody leads. The log says what keeps the "
        "Lease from being had (rights, or the API server).",
    ),
    "crossover_agent_starts_total": Text(
        "Tasks taken up; `outcome` is `ok` (its run was started or found), `http` (a request), `refused` "
        "(the node became Error, with the reason) or `failed`.",
        "`refused`: the nodes' messages say what is wrong; often no tenant has their namespace. `failed` is "
        "a bug of ours: its log line has the traceback.",
    ),
    "crossover_agent_patches_total": Text(
        "Patches of TaskSets; `outcome` is `ok`, or why one has to be repeated: `away` (also 429, and a lost "
        "lead), `denied`, `contended`; `missing`: the TaskSet is gone; `toolarge`, `rejected`: a node is "
        "written in another way, or not at all.",
        "`denied`: RBAC. `rejected`: the admission policy, or another webhook; the log names the node. "
        "`toolarge`: outputs do not fit into the TaskSet: have the run store its result. `away` that grows: "
        "the API server throttles or is slow.",
    ),
    "crossover_agent_patch_latency_seconds": Text(
        "From a node's result to the API server having it.",
        "Above 1 s: see `crossover_agent_patches_total`. It is not what delays workflows whose patches are "
        "quick: that is [the controller](services.md#argos-controller).",
    ),
    "crossover_agent_cancels_total": Text(
        "Runs cancelled; `by` is `watch` (seen as it happened) or `sweep` (it happened while no agent was "
        "there).",
        "`sweep` that goes on long after a start: watches miss what happens; see "
        "`crossover_agent_watch_restarts_total`.",
    ),
    "crossover_agent_watch_restarts_total": Text(
        "Watches begun anew; `reason` is `ended` (every five to ten minutes, by design), `expired` (with a "
        "new list) or `away`.",
        "`away` that grows: the API server, or the rights to list and watch. `expired` often: the agent is "
        "too slow, or etcd is compacted often; each costs a list of everything.",
    ),
}

LOG_STREAMER: dict[str, Text] = {
    "crossover_streams": Text(
        "Streams open to viewers of this replica now.",
        "Near the sum that `streams_per_cluster` allows: viewers are about to be refused (429).",
    ),
    "crossover_feeds": Text(
        "Traces that have a feed now: those with viewers, and those that lost their last one a while ago.",
        "More than streams for long: viewers come and go, each time for another trace.",
    ),
    "crossover_follows": Text(
        "Logs that are followed now, one per container, however many viewers there are.",
        "Much more than pods have containers: it cannot be; tell us.",
    ),
    "crossover_logs_opened_total": Text(
        "Logs opened; `follow` is `false` for reads of the past (downloads, and viewers who join late).",
        "`true` grows while `crossover_follows` does not: something cuts follows (a load balancer?).",
    ),
    "crossover_logs_read_bytes_total": Text(
        "Bytes read from logs: what this replica costs the API server and the kubelets.",
        "Far above what viewers get: worker pods write much for other traces. That is by design.",
    ),
    "crossover_feed_lines_total": Text("Lines handed on to feeds.", "It stands still while pods write."),
    "crossover_feed_late_lines_total": Text(
        "Lines that came after newer ones had been handed on; they are marked `late`.",
        "More than a few in a thousand: clocks of nodes differ by more than `window`, or the API is slow.",
    ),
    "crossover_feed_gaps_total": Text(
        "Times that continuity could not be proven; `reason` is the gap event's.",
        "`rotated`: logs are rotated faster than they are read again after a cut. `unreadable`: a right is "
        "missing; the gap's `detail` says which.",
    ),
    "crossover_stream_ends_total": Text(
        "Streams that ended; `reason` is the end event's, or `hung_up` where the viewer left.",
        "`too_slow`: viewers' networks. `line_cap`: traces are chatty; see `max_lines`, and filters.",
    ),
    "crossover_errors_total": Text(
        "Answers that are problems; `kind` is one of [errors.md](errors.md).",
        "`busy`: a limit of streams is reached. `internal` is a bug of ours: its log line has the traceback.",
    ),
}
