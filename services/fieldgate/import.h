#pragma once

namespace fieldgate::commands {

// fieldgate import; argv[0] is "import". Returns the exit status.
int Import(int argc, char** argv);

}  // namespace fieldgate::commands
