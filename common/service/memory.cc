#include "common/service/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fieldgate::service {
namespace {

// Code and constants only: never a segment that was written to, such as the
// relocated one.
int ReleaseSegments(dl_phdr_info* info, size_t, void* page_size) {
  const auto page = *static_cast<const uintptr_t*>(page_size);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (info->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const uintptr_t end = info->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_RANDOM);
  }
  return 0;
}

}  // namespace

void ReleaseUnusedMemory() {
  malloc_trim(0);
  auto page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  dl_iterate_phdr(ReleaseSegments, &page_size);
}

}  // namespace fieldgate::service
