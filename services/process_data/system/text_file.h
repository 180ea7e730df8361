#pragma once

#include <string>

namespace fieldgate::process_data {

// What stands in `file`, at most 64 KiB, without white space at the end; ""
// when it can't be read, as files of /sys often can't. Blocks on the kernel.
std::string ReadTextFile(const std::string& file);

}  // namespace fieldgate::process_data
