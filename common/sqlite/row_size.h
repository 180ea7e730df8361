#pragma once

#include <cstdint>

namespace fieldgate::sqlite {

// What a row with values of `bytes` takes of a file with pages of 4 KiB, about: rows
// fill pages, which they don't share evenly, and go on in pages of their own when
// they are longer. A few small values are included, indexes are not.
int64_t DiskBytes(int64_t bytes);

}  // namespace fieldgate::sqlite
