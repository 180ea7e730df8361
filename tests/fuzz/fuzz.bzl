"""One fuzz target: a fuzzer with libFuzzer, and an ordinary test that replays its corpus."""

def fuzz_target(name, deps):
    """`<name>.cc` defines LLVMFuzzerTestOneInput, `corpus/<name>/` holds its corpus.

    Makes <name>_fuzz (only with --config=fuzz) and <name>_corpus_test.
    """
    native.cc_library(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        tags = ["manual"],
        deps = deps + [
            ":fuzz",
            "//deploy/bazel/debs:absl",
        ],
        alwayslink = True,
    )
    native.cc_binary(
        name = name + "_fuzz",
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name],
    )
    native.cc_test(
        name = name + "_corpus_test",
        size = "small",
        srcs = ["corpus_test.cc"],
        data = native.glob(["corpus/%s/*" % name]),
        deps = [
            ":" + name,
            "//common/testing:gtest_main",
        ],
        local_defines = ["CORPUS=\\\"tests/fuzz/corpus/%s\\\"" % name],
    )
