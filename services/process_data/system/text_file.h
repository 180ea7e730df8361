#pragma once

#include <string>

namespace fieldgate::process_data {

// What stands in `file`, at most 64 KiB, without white space at the end; ""
// when it can't be read, as files of /sys often can't. Bytes that aren't UTF-8
// and characters that XML can't hold become '?': a host name may come from
// anywhere. Blocks on the kernel.
std::string ReadTextFile(const std::string& file);

}  // namespace fieldgate::process_data
