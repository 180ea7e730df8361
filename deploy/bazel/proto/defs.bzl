"""cc_proto: a cc_library from .proto files (messages, and gRPC services when grpc = True).

Import paths are relative to the workspace root, as with include paths:
    import "proto/common.proto";              #include "proto/common.pb.h"
    import "google/protobuf/timestamp.proto"; (always available)
"""

_ProtosInfo = provider("Sources of a cc_proto and of what they import.", fields = {"transitive": "depset of .proto files"})

def _cc_proto_gen_impl(ctx):
    transitive = depset(ctx.files.srcs, transitive = [d[_ProtosInfo].transitive for d in ctx.attr.deps])
    wkt = ctx.files._well_known[0]
    wkt_root = wkt.path[:wkt.path.rindex("/google/protobuf/")]
    lib_dirs = {f.dirname: None for f in ctx.files._libs}.keys()
    hdrs, srcs = [], []
    for proto in ctx.files.srcs:
        base = proto.basename[:-len(".proto")]
        h = [ctx.actions.declare_file(base + ".pb.h")]
        c = [ctx.actions.declare_file(base + ".pb.cc")]
        if ctx.attr.grpc:
            h.append(ctx.actions.declare_file(base + ".grpc.pb.h"))
            c.append(ctx.actions.declare_file(base + ".grpc.pb.cc"))
            if ctx.attr.mocks:
                h.append(ctx.actions.declare_file(base + "_mock.grpc.pb.h"))
        args = ctx.actions.args()
        args.add("--proto_path=.")
        args.add("--proto_path=" + wkt_root)
        args.add("--cpp_out=" + ctx.bin_dir.path)
        if ctx.attr.grpc:
            args.add(ctx.file._plugin, format = "--plugin=protoc-gen-grpc=%s")
            args.add("--grpc_out=%s%s" % ("generate_mock_code=true:" if ctx.attr.mocks else "", ctx.bin_dir.path))
        args.add(proto)
        ctx.actions.run(
            mnemonic = "ProtocCpp",
            progress_message = "Generating C++ from " + proto.short_path,
            executable = ctx.file._protoc,
            arguments = [args],
            inputs = depset(ctx.files._well_known + ctx.files._libs, transitive = [transitive]),
            tools = [ctx.file._protoc, ctx.file._plugin],
            outputs = h + c,
            env = {"LD_LIBRARY_PATH": ":".join(lib_dirs)},
        )
        hdrs += h
        srcs += c
    return [
        DefaultInfo(files = depset(hdrs + srcs)),
        OutputGroupInfo(hdrs = depset(hdrs), srcs = depset(srcs)),
        _ProtosInfo(transitive = transitive),
    ]

_cc_proto_gen = rule(
    implementation = _cc_proto_gen_impl,
    attrs = {
        "deps": attr.label_list(providers = [_ProtosInfo]),
        "grpc": attr.bool(),
        "mocks": attr.bool(),
        "srcs": attr.label_list(allow_files = [".proto"], mandatory = True),
        "_libs": attr.label(default = "@debs_tools//:libs", cfg = "exec"),
        "_plugin": attr.label(default = "@debs_tools//:grpc_cpp_plugin", allow_single_file = True, cfg = "exec"),
        "_protoc": attr.label(default = "@debs_tools//:protoc", allow_single_file = True, cfg = "exec"),
        "_well_known": attr.label(default = "@debs_amd64//:well_known_protos", allow_files = True, cfg = "exec"),
    },
)

def cc_proto(name, srcs, deps = [], grpc = False, mocks = False, **kwargs):
    """Generates C++ from srcs. deps are other cc_proto targets whose .proto files srcs import."""
    _cc_proto_gen(
        name = name + "_gen",
        srcs = srcs,
        deps = [d + "_gen" if ":" in d else d + ":" + d.split("/")[-1] + "_gen" for d in deps],
        grpc = grpc,
        mocks = mocks,
        visibility = kwargs.get("visibility"),
    )
    for group in ["hdrs", "srcs"]:
        native.filegroup(
            name = "%s_%s" % (name, group),
            srcs = [":" + name + "_gen"],
            output_group = group,
            visibility = ["//visibility:private"],
        )
    native.cc_library(
        name = name,
        srcs = [":" + name + "_srcs"],
        hdrs = [":" + name + "_hdrs"],
        copts = ["-w"],  # generated code
        deps = deps + ["//deploy/bazel/debs:grpc++" if grpc else "//deploy/bazel/debs:protobuf"],
        **kwargs
    )
