// main() for tests. Bazel's TEST_TMPDIR is 143 characters in a sandbox, more than the 107 of a
// Unix socket path, so it is replaced by a short directory of this process, removed at the end.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  char dir[] = "/tmp/t.XXXXXX";
  if (mkdtemp(dir) == nullptr || setenv("TEST_TMPDIR", dir, 1) != 0) return 1;
  const int result = RUN_ALL_TESTS();
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return result;
}
