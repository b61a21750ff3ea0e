#!/bin/sh
# Puts the files of a version of swagger-ui-dist (npm, Apache-2.0) beside this script: `./update.sh 5.35.0`.
set -eu
version=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "swagger-ui-dist@$version"
tar xzf "swagger-ui-dist-$version.tgz"
for file in swagger-ui-bundle.js swagger-ui.css; do
    gzip -9 -n -c "package/$file" > "$here/$file.gz"
done
cp package/LICENSE package/NOTICE package/swagger-ui-bundle.js.LICENSE.txt "$here"
echo "swagger-ui-dist $version" > "$here/VERSION"
