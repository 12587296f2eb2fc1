#!/bin/sh
# assemble.sh FOLDER STUB: what the image holds, from the Debian that this runs in and where the
# package is installed: the program, the libraries it needs, certificates, time zones; no shell and
# no packages. STUB takes the place of ICU's data (icu_stub.cpp).
set -eu
image=$1
stub=$2
program=/usr/bin/rruled
here=$(dirname "$0")

mkdir -p "$image/usr/bin" "$image/usr/lib" "$image/usr/lib64" "$image/usr/share/doc" \
  "$image/etc/ssl/certs" "$image/etc/rruled/rruled.d" "$image/var/lib/dpkg/status.d" \
  "$image/run/rruled" "$image/tmp"
ln -s usr/lib "$image/lib"
ln -s usr/lib64 "$image/lib64"
cp "$program" "$image$program"  # stripped when it was packed

# By the names that the loader asks for, without the links on the way.
libraries=$(ldd "$program" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^\t\(\/[^ ]*\) .*/\1/p')
packages=rruled
for library in $libraries; do
  case $library in /usr/*) place=$library ;; *) place=/usr$library ;; esac
  mkdir -p "$image$(dirname "$place")"
  case $library in
    */libicudata.so.*)
      [ "$(basename "$library")" = "$(basename "$stub")" ] || {
        echo "the stub is for another ICU than $library" >&2
        exit 1
      }
      cp "$stub" "$image$place"
      continue
      ;;
  esac
  cp -L "$library" "$image$place"
  owner=$(dpkg-query --search "$library" "$place" "${place#/usr}" 2>/dev/null | head -n 1 || true)
  packages="$packages ${owner%%:*}"
done

cp -L /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/"
cp -r /usr/share/zoneinfo "$image/usr/share/"
rm -rf "$image/usr/share/zoneinfo/right" "$image/usr/share/zoneinfo/posix"

# What scanners and lawyers look for.
cp -L /etc/os-release "$image/etc/os-release"
for package in $(printf '%s\n' $packages tzdata ca-certificates | sort -u); do
  dpkg-query --status "$package" >"$image/var/lib/dpkg/status.d/$package"
  mkdir -p "$image/usr/share/doc/$package"
  gzip -9nc "/usr/share/doc/$package/copyright" >"$image/usr/share/doc/$package/copyright.gz"
done

cp "$here/rruled.toml" "$image/etc/rruled/rruled.toml"
echo 'rruled:x:65532:65532:rruled:/var/lib/rruled:/sbin/nologin' >"$image/etc/passwd"
echo 'rruled:x:65532:' >"$image/etc/group"
echo 'hosts: files dns' >"$image/etc/nsswitch.conf"
install -d -o 65532 -g 65532 -m 700 "$image/var/lib/rruled"
chown 65532:65532 "$image/run/rruled"
chmod 1777 "$image/tmp"
