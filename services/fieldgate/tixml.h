#pragma once

namespace fieldgate::commands {

// fieldgate tixml; argv[0] is "tixml". Returns the exit status.
int Tixml(int argc, char** argv);

}  // namespace fieldgate::commands
