"""Pinned Debian packages as external repositories.

lock.json names each .deb by version and sha256 (written by relock.py). A deb is looked for in
  1. Bazel's repository cache (by sha256), then the mirrors of this machine's apt (or DEBS_MIRROR);
  2. apt itself, rootless (the machine's own mirror, proxy, credentials).
If the exact version is nowhere, DEBS_POLICY decides: "compatible" (the default) takes apt's signed
candidate of the same upstream version and says so; "strict" (CI) stops with the command to relock.
"""

_TRIPLET = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}

def _urls(ctx, path):
    """Where a locked path ("debian/pool/...") may be: the mirrors that this machine's apt is configured with."""
    mirror = ctx.os.environ.get("DEBS_MIRROR", "")
    if mirror:
        return [mirror.rstrip("/") + "/" + path]
    r = ctx.execute(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"])
    archive = path.split("/", 1)[0]
    bases = {u.rstrip("/"): None for u in r.stdout.split("\n") if u.rstrip("/").endswith("/" + archive)}
    return [u[:-len(archive)] + path for u in bases.keys()] or ["file:///nonexistent/" + path]

def _fetch(ctx, d, arch, drift, apt_only):
    out = "_debs/%s.deb" % d["name"]

    # With a URL that cannot work, download() still looks in the repository cache, and fails at once:
    # a dead mirror costs one round of retries (15 s), not one per package.
    urls = ["file:///nonexistent/" + d["sha256"]] if apt_only else _urls(ctx, d["path"])
    got = ctx.download(url = urls, output = out, sha256 = d["sha256"], allow_fail = True)
    if not got.success:
        apt_only.append(True)
        policy = ctx.os.environ.get("DEBS_POLICY", "compatible")
        r = ctx.execute([
            ctx.path(Label("//deploy/bazel/debs:apt_fetch.sh")),
            str(ctx.path("_apt")),
            arch,
            policy,
            str(ctx.path("_apt.deb")),
            d["name"],
            d["version"],
            d["sha256"],
        ], timeout = 600)
        if r.return_code:
            fail("""
{name}={version} ({arch}) is locked in deploy/bazel/debs/lock.json, but neither the mirrors nor apt have it.
{err}
To move the lock to what Debian offers now:  python3 deploy/bazel/debs/relock.py
To build with it unchanged:                  --repo_env=DEBS_MIRROR=<a mirror or snapshot that still has it>
{policy}""".format(
                name = d["name"],
                version = d["version"],
                arch = arch,
                err = r.stderr,
                policy = "(policy is strict: --repo_env=DEBS_POLICY=compatible would accept a newer Debian revision)" if policy == "strict" else "",
            ))
        exact = r.stdout.startswith("exact")
        if not exact:
            drift.append("%s %s instead of %s" % (d["name"], r.stdout.split(" ")[1].strip(), d["version"]))

        # Through download() once more, which checks the hash and keeps it in the repository cache.
        ctx.download(url = "file://" + str(ctx.path("_apt.deb")), output = out, sha256 = d["sha256"] if exact else "")
    only = " ".join(["'./%s'" % p for p in ctx.attr.only.get(d["name"], [])])
    r = ctx.execute(["bash", "-o", "pipefail", "-c", "dpkg-deb --fsys-tarfile %s | tar -x --no-same-owner %s --wildcards --no-wildcards-match-slash %s" % (
        out,
        " ".join(["--exclude='./%s'" % p for p in ctx.attr.exclude]),
        only,
    )])
    if r.return_code:
        fail("extracting %s: %s" % (out, r.stderr))
    ctx.delete(out)

def _deb_repository_impl(ctx):
    lock = json.decode(ctx.read(ctx.attr.lock))
    drift, apt_only = [], []
    for d in lock["debs"][ctx.attr.group + "_" + ctx.attr.arch]:
        _fetch(ctx, d, ctx.attr.arch, drift, apt_only)
    ctx.delete("_apt")
    ctx.delete("_apt.deb")
    if drift:
        # buildifier: disable=print
        print("WARNING: @%s is NOT as locked (the locked versions are gone from the mirror): %s. Run: python3 deploy/bazel/debs/relock.py" %
              (ctx.name, "; ".join(drift)))
    if ctx.attr.script:
        r = ctx.execute(["python3", ctx.path(ctx.attr.script), _TRIPLET[ctx.attr.arch]])
        if r.return_code:
            fail(r.stderr)

    # An input of every target here: what is locked is part of each action's key.
    ctx.file("LOCKED", "".join(["%s %s %s\n" % (d["name"], d["version"], d["sha256"]) for d in lock["debs"][ctx.attr.group + "_" + ctx.attr.arch]] + drift))
    ctx.template("BUILD.bazel", ctx.attr.build_file, {
        "%{triplet}": _TRIPLET[ctx.attr.arch],
        "%{arch}": ctx.attr.arch,
    })

deb_repository = repository_rule(
    implementation = _deb_repository_impl,
    attrs = {
        "arch": attr.string(default = "amd64"),
        "build_file": attr.label(mandatory = True),
        "group": attr.string(mandatory = True),
        "lock": attr.label(default = "//deploy/bazel/debs:lock.json"),
        "exclude": attr.string_list(doc = "tar patterns left out of every package"),
        "only": attr.string_list_dict(doc = "per package, the tar patterns to extract (default: all)"),
        "script": attr.label(),
    },
    environ = ["DEBS_MIRROR", "DEBS_POLICY"],
)

def _debian_source_impl(ctx):
    s = json.decode(ctx.read(ctx.attr.lock))["sources"][ctx.attr.source or ctx.name]
    name = s["path"].rsplit("/", 1)[1]
    got = ctx.download(url = _urls(ctx, s["path"]), output = name, sha256 = s["sha256"], allow_fail = True)
    if not got.success:
        fail("""
The source archive {name} is locked in deploy/bazel/debs/lock.json, but the mirrors don't offer it.
To move the lock to what Debian offers now:  python3 deploy/bazel/debs/relock.py
To build with it unchanged:                  --repo_env=DEBS_MIRROR=<a mirror or snapshot that still has it>""".format(name = name))
    r = ctx.execute(["tar", "--strip-components=1", "-xf", name])
    if r.return_code:
        fail(r.stderr)
    ctx.delete(name)
    for p in ctx.attr.files:
        ctx.file(p, ctx.attr.files[p])
    for p in ["BUILD", "BUILD.bazel"]:
        ctx.delete(p)
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")

debian_source = repository_rule(
    implementation = _debian_source_impl,
    attrs = {
        "build_file": attr.label(mandatory = True),
        "files": attr.string_dict(),
        "lock": attr.label(default = "//deploy/bazel/debs:lock.json"),
        "source": attr.string(),
    },
    environ = ["DEBS_MIRROR"],
)
