#!/bin/sh
# Creates the namespace TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS and our search attributes in it. Repeating it changes nothing.
set -eu

# Runs a command until it succeeds, for at most a minute.
insist() {
    tries=60
    until output=$("$@" 2>&1); do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "$output" >&2; exit 1; }
        sleep 1
    done
}

insist temporal operator cluster health

# Closed runs are kept for as long: so long a repeated request finds the first one's run.
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d

# The server takes some seconds to know a new namespace everywhere.
insist temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name TidegateDialect --type Keyword \
    --name TidegateOrganisation --type Keyword \
    --name TidegateDefinition --type Keyword \
    --name TidegateVersion --type Int \
    --name TidegateWaitingFor --type KeywordList \
    --name TidegateWaitSince --type Datetime \
    --name TidegateWaitDeadline --type Datetime
