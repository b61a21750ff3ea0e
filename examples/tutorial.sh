#!/usr/bin/env bash
# Follows the vendor's streaming tutorial with curl, for XDM and raw data over an open and an authenticated inlet, checks every
# status and body, and reads the rows back with DuckDB.
#
#   examples/tutorial.sh                 starts a server of its own and stops it at the end
#   TRIBUTARY_READY=FILE examples/…      uses a running one, by its ready-file
#   TRIBUTARY=PATH                       the binary (else one is built)
#   PYTHON=PATH                          a Python with tests/readers/requirements.txt (else a virtual environment is made)
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

if [ -z "${PYTHON:-}" ]; then
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" install --quiet --requirement tests/readers/requirements.txt
  PYTHON=$work/venv/bin/python
fi
ready=${TRIBUTARY_READY:-$work/ready}
if [ -z "${TRIBUTARY_READY:-}" ]; then
  if [ -z "${TRIBUTARY:-}" ]; then
    cargo build --release --package tributary
    TRIBUTARY=target/release/tributary
  fi
  "$TRIBUTARY" dev --no-samples --data "$work/data" --listen 127.0.0.1:0 --ready-file "$ready" >"$work/log" &
  server=$!
  for _ in $(seq 600); do [ -e "$ready" ] && break; sleep 0.05; done
fi
# shellcheck disable=SC1090
. "$ready"
url=$TRIBUTARY_URL
tenant=$TRIBUTARY_TENANT
xed='application/vnd.adobe.xed-full+json;version=1'

fail() { echo "FAILED: $*" >&2; exit 1; }

# json EXPRESSION: evaluates it over the last body, bound to `body`.
json() { "$PYTHON" -c 'import json, sys; body = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/body" "$1"; }

# check EXPRESSION: it must be true of the last body.
check() { [ "$(json "bool($1)")" = True ] || fail "$1 does not hold of $(cat "$work/body")"; }

# call STATUS CURL-ARGUMENTS…: one call, whose body goes to $work/body.
call() {
  local expected=$1 status
  shift
  status=$(curl -sS -o "$work/body" -w '%{http_code}' "$@")
  [ "$status" = "$expected" ] || fail "expected $expected, got $status: $* -> $(cat "$work/body")"
}

platform=()
gateway() {
  local expected=$1 method=$2 path=$3
  shift 3
  call "$expected" -X "$method" "$url$path" "${platform[@]}" "$@"
}
post() { gateway "$1" POST "$2" -H 'Content-Type: application/json' -d "$3"; }

echo "1. token"
call 200 -X POST "$url/ims/token/v3?client_id=$TRIBUTARY_API_KEY" -H 'Content-Type: application/x-www-form-urlencoded' \
  -d "grant_type=client_credentials&client_secret=$TRIBUTARY_CLIENT_SECRET&scope=openid,AdobeID,read_organizations"
check "sorted(body) == ['access_token', 'expires_in', 'token_type'] and body['expires_in'] == 86399 and body['token_type'] == 'bearer'"
token=$(json "body['access_token']")
platform=(-H "Authorization: Bearer $token" -H "x-api-key: $TRIBUTARY_API_KEY" -H "x-gw-ims-org-id: $TRIBUTARY_ORG"
  -H "x-sandbox-name: $TRIBUTARY_SANDBOX")

echo "2. schema"
post 201 /data/foundation/schemaregistry/tenant/schemas '{
  "type": "object", "title": "Tutorial streaming profile", "description": "A schema for the streaming tutorial",
  "allOf": [
    {"$ref": "https://ns.adobe.com/xdm/context/profile"},
    {"$ref": "https://ns.adobe.com/xdm/context/profile-person-details"},
    {"$ref": "https://ns.adobe.com/xdm/context/profile-work-details"},
    {"$ref": "https://ns.adobe.com/xdm/context/profile-personal-details"}
  ],
  "meta:immutableTags": ["union"]
}'
check "body['\$id'].startswith('https://ns.adobe.com/$tenant/schemas/') and body['version'] == '1.0'"
check "body['meta:resourceType'] == 'schemas' and body['meta:class'] == 'https://ns.adobe.com/xdm/context/profile'"
schema=$(json "body['\$id']")
gateway 200 GET "/data/foundation/schemaregistry/tenant/schemas/$(json "__import__('urllib.parse').parse.quote_plus(body['\$id'])")" \
  -H "Accept: application/vnd.adobe.xed-full+json; version=1"
check "body['properties']['person']['properties']['name']['properties']['firstName']['type'] == 'string'"

echo "3. primary identity"
post 201 /data/foundation/schemaregistry/tenant/descriptors '{
  "@type": "xdm:descriptorIdentity", "xdm:sourceSchema": "'"$schema"'", "xdm:sourceVersion": 1,
  "xdm:sourceProperty": "/workEmail/address", "xdm:namespace": "Email", "xdm:property": "xdm:code", "xdm:isPrimary": true
}'
check "body['@type'] == 'xdm:descriptorIdentity' and len(body['@id']) in (40, 48)"

echo "4. dataset"
post 201 '/data/foundation/catalog/dataSets?requestDataSource=true' '{
  "name": "Tutorial streaming dataset", "description": "For the streaming tutorial",
  "schemaRef": {"id": "'"$schema"'", "contentType": "'"$xed"'"},
  "tags": {"unifiedIdentity": ["enabled:true"], "unifiedProfile": ["enabled:true"]}
}'
check "len(body) == 1 and body[0].startswith('@/dataSets/')"
dataset=$(json "body[0].split('/')[-1]")
gateway 200 GET "/data/foundation/catalog/dataSets/$dataset"
check "list(body) == ['$dataset'] and body['$dataset']['schemaRef']['id'] == '$schema'"
table=$(json "body['$dataset']['tags']['adobe/pqs/table'][0]")

echo "5. mapping set"
post 200 /data/foundation/mappingSets '{
  "version": 0, "xdmSchema": "'"$schema"'", "xdmVersion": "1.0",
  "mappings": [
    {"destinationXdmPath": "person.name.firstName", "sourceAttribute": "firstName", "identity": false, "version": 0},
    {"destinationXdmPath": "person.name.lastName", "sourceAttribute": "lastName", "identity": false, "version": 0},
    {"destinationXdmPath": "workEmail.address", "sourceAttribute": "email", "identity": false, "version": 0}
  ]
}'
check "len(body['id']) == 32 and body['version'] == 0"
mapping=$(json "body['id']")

# inlet KIND AUTHENTICATED: steps 6 to 8 for one combination; sets inlet, inlet_url and flow.
inlet() {
  local kind=$1 authenticated=$2 connection source target transformations spec
  echo "6. base connection ($kind, authenticationRequired $authenticated)"
  post 201 /data/foundation/flowservice/connections '{
    "name": "ACME '"$kind"'", "providerId": "521eee4d-8cbe-4906-bb48-fb6bd4450033", "description": "Tutorial",
    "connectionSpec": {"id": "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb", "version": "1.0"},
    "auth": {"specName": "Streaming Connection", "params": {"sourceId": "acme", "dataType": "'"$kind"'", "name": "acme",
      "authenticationRequired": '"$authenticated"'}}
  }'
  check "sorted(body) == ['etag', 'id'] and body['etag'].startswith('\"')"
  connection=$(json "body['id']")
  gateway 200 GET "/data/foundation/flowservice/connections/$connection"
  check "len(body['items']) == 1 and str(body['items'][0]['auth']['params']['authenticationRequired']).lower() == '$authenticated'"
  check "len(body['items'][0]['auth']['params']['inletId']) == 64"
  inlet=$(json "body['items'][0]['auth']['params']['inletId']")
  inlet_url=$(json "body['items'][0]['auth']['params']['inletUrl']")
  [ "$inlet_url" = "$url/collection/$inlet" ] || fail "inletUrl is $inlet_url"

  echo "7. source and target connections"
  post 201 /data/foundation/flowservice/sourceConnections '{
    "name": "ACME source", "description": "Tutorial", "baseConnectionId": "'"$connection"'",
    "connectionSpec": {"id": "bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb", "version": "1.0"}
  }'
  source=$(json "body['id']")
  post 201 /data/foundation/flowservice/targetConnections '{
    "name": "ACME target", "description": "Tutorial",
    "connectionSpec": {"id": "c604ff05-7f1a-43c0-8e18-33bf874cb11c", "version": "1.0"},
    "data": {"format": "parquet_xdm", "schema": {"id": "'"$schema"'", "version": "'"$xed"'.0"}},
    "params": {"dataSetId": "'"$dataset"'"}
  }'
  target=$(json "body['id']")

  echo "8. flow"
  if [ "$kind" = raw ]; then
    spec=c1a19761-d2c7-4702-b9fa-fe91f0613e81
    transformations='[{"name": "Mapping", "params": {"mappingId": "'"$mapping"'", "mappingVersion": 0}}]'
  else
    spec=d8a6f005-7eaf-4153-983e-e8574508b877
    transformations='[]'
  fi
  post 201 /data/foundation/flowservice/flows '{
    "name": "ACME flow", "description": "Tutorial", "flowSpec": {"id": "'"$spec"'", "version": "1.0"},
    "sourceConnectionIds": ["'"$source"'"], "targetConnectionIds": ["'"$target"'"], "transformations": '"$transformations"'
  }'
  flow=$(json "body['id']")
  gateway 200 GET "/data/foundation/flowservice/flows/$flow"
  check "body['items'][0]['state'] == 'enabled' and body['items'][0]['version'] == body['items'][0]['etag']"
}

# send STATUS FILE: step 9, with a token where the inlet wants one.
send() {
  local authorization=()
  [ "$authenticated" = false ] || authorization=(-H "Authorization: Bearer $token")
  call "$1" -X POST "$inlet_url" -H 'Content-Type: application/json' -H "x-adobe-flow-id: $flow" "${authorization[@]}" -d @"$2"
}

number=0
for kind in xdm raw; do
  for authenticated in false true; do
    inlet "$kind" "$authenticated"
    echo "9. post"
    number=$((number + 1))
    if [ "$kind" = xdm ]; then
      cat >"$work/record" <<JSON
{"header": {"schemaRef": {"id": "$schema", "contentType": "$xed"}, "flowId": "$flow", "datasetId": "$dataset"},
 "body": {"xdmMeta": {"schemaRef": {"id": "$schema", "contentType": "$xed"}},
  "xdmEntity": {"person": {"name": {"firstName": "Jane", "middleName": "F", "lastName": "Doe $number"},
    "birthDate": "1969-03-14", "gender": "female"},
   "workEmail": {"primary": true, "address": "janedoe$number@example.com", "type": "work", "status": "active"}}}}
JSON
    else
      echo "{\"firstName\": \"Jane\", \"lastName\": \"Doe $number\", \"email\": \"janedoe$number@example.com\"}" >"$work/record"
    fi
    if [ "$authenticated" = true ]; then
      call 401 -X POST "$inlet_url" -H 'Content-Type: application/json' -H "x-adobe-flow-id: $flow" -d @"$work/record"
      check "body == {'type': 'https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization', 'status': '401', 'title': 'Authorization', 'report': {'message': '[id] Ims service token is empty'}}"
    fi
    send 200 "$work/record"
    check "sorted(body) == ['inletId', 'receivedTimeMs', 'xactionId'] and body['inletId'] == '$inlet'"
  done
done

echo "the last inlet is raw: the tutorial's raw sample fits no mapping item, and is reported"
echo '{"name": "Johnson Smith", "location": {"city": "Seattle", "country": "United State of America", "address": "3692 Main Street"}, "gender": "Male", "birthday": {"year": 1984, "month": 6, "day": 9}}' >"$work/record"
send 200 "$work/record"

echo "rows, read by DuckDB"
lake=("$TRIBUTARY_ICEBERG_URL" "$TRIBUTARY_WAREHOUSE" "$TRIBUTARY_API_KEY" "$TRIBUTARY_CLIENT_SECRET")
for _ in $(seq 100); do
  "$PYTHON" tests/readers/read.py duckdb-rest "${lake[@]}" "data.$table" >"$work/rows"
  "$PYTHON" tests/readers/read.py duckdb-rest "${lake[@]}" "failed.$table" >"$work/failed"
  [ "$(cat "$work/rows" "$work/failed" | wc -l)" -ge 5 ] && break
  sleep 0.1
done
cat "$work/rows"
[ "$(wc -l <"$work/rows")" = 4 ] || fail "expected 4 rows"
grep -q 'no mapping item wrote a value' "$work/failed" || fail "the raw sample is not reported: $(cat "$work/failed")"
for number in 1 2 3 4; do grep -q "Doe $number" "$work/rows" || fail "row $number is missing"; done
echo "the tutorial works: 4 rows in the lake, 1 record reported as failed"
