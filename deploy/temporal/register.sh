#!/bin/sh
# Creates the namespace TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS and our search attributes in it. Repeating it changes nothing.
set -eu

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "Temporal at $TEMPORAL_ADDRESS does not serve" >&2; exit 1; }
    sleep 1
done

# Closed runs are kept for as long: so long a repeated request finds the first one's run.
temporal operator namespace describe "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create "$TEMPORAL_NAMESPACE" --retention 30d

temporal operator search-attribute create \
    --name TidegateDialect --type Keyword \
    --name TidegateOrganisation --type Keyword \
    --name TidegateDefinition --type Keyword \
    --name TidegateVersion --type Int \
    --name TidegateWaitingFor --type KeywordList \
    --name TidegateWaitSince --type Datetime \
    --name TidegateWaitDeadline --type Datetime
