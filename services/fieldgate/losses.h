#pragma once

namespace fieldgate::commands {

// fieldgate losses; argv[0] is "losses". Returns the exit status.
int Losses(int argc, char** argv);

}  // namespace fieldgate::commands
