"""The keys that Argo knows, per object, beyond those the graph models: they are carried, others reported.

Source: argo-workflows api/jsonschema/schema.json (4.1), and 3.x keys that later versions dropped.
"""

from __future__ import annotations


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


DOCUMENT = _keys("status")

METADATA = _keys(
    "creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generation managedFields"
    " ownerReferences resourceVersion selfLink uid"
)

SPEC = _keys(
    "affinity archiveLogs artifactGC artifactRepositoryRef automountServiceAccountToken dnsConfig dnsPolicy"
    " executor executorPlugins hooks hostAliases hostNetwork imagePullSecrets metrics nodeSelector onExit"
    " parallelism podDisruptionBudget podGC podMetadata podPriority podPriorityClassName podResources"
    " podSpecPatch priority resourceClaims retryStrategy schedulerName securityContext serviceAccountName"
    " shutdown suspend synchronization templateDefaults tolerations ttlStrategy volumeClaimGC"
    " volumeClaimTemplates volumes workflowMetadata"
)

TEMPLATE = _keys(
    "affinity annotations archiveLocation automountServiceAccountToken daemon executor failFast hostAliases"
    " initContainers memoize metadata metrics nodeSelector parallelism pendingTimeout podResources"
    " podSpecPatch priority priorityClassName resourceClaims schedulerName securityContext serviceAccountName"
    " sidecars synchronization tolerations volumes"
)

HTTP = _keys("body bodyFrom headers insecureSkipVerify method successCondition timeoutSeconds url")

OPAQUE = ("containerSet", "data", "http", "plugin", "resource")

CONTAINER = _keys(
    "envFrom imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources"
    " restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath"
    " terminationMessagePolicy tty volumeDevices volumeMounts"
)

CALL = _keys("hooks onExit withItems withParam withSequence")

INPUTS = OUTPUTS = ARGUMENTS = _keys("artifacts")

OUTPUTS_STATUS = _keys("artifacts exitCode result")

VALUE_FROM = _keys("configMapKeyRef event jqFilter jsonPath")

ENV = _keys("valueFrom")

RETRY = _keys("affinity")
