#pragma once

namespace fieldgate::commands {

// fieldgate run; argv[0] is "run". Returns the exit status. Holds no gRPC, so
// that the supervisor stays small: files are imported by a process of their own.
int Run(int argc, char** argv);

}  // namespace fieldgate::commands
