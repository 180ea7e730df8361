#pragma once

namespace fieldgate::commands {

// fieldgate status; argv[0] is "status". Returns the exit status.
int Status(int argc, char** argv);

}  // namespace fieldgate::commands
