#pragma once

namespace fieldgate::commands {

// fieldgate watch; argv[0] is "watch". Returns the exit status.
int Watch(int argc, char** argv);

}  // namespace fieldgate::commands
