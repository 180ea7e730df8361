#pragma once

namespace fieldgate::commands {

// `fieldgate config ...`: kept revisions of the configuration. Returns the exit
// status.
int Config(int argc, char** argv);

}  // namespace fieldgate::commands
