/* Debian's Paho C records every allocation and every function entry, which
 * costs half of its speed; upstream's PAHO_HIGH_PERFORMANCE leaves both out.
 * These definitions stand in for the objects Heap.o and StackTrace.o of the
 * static archive: linked first, they keep the linker from taking those.
 *
 * The record also hid a fault: Paho frees twice when one client with a kept
 * session is connected again (its record ignores the second time). So this is
 * only for who makes a new client for each connection. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  size_t current_size, max_size;
} heap_info;

int Heap_initialize(void) { return 0; }
void Heap_terminate(void) {}
void* mymalloc(char* file, int line, size_t size) {
  (void)file, (void)line;
  return malloc(size);
}
void* myrealloc(char* file, int line, void* p, size_t size) {
  (void)file, (void)line;
  return realloc(p, size);
}
void myfree(char* file, int line, void* p) {
  (void)file, (void)line;
  free(p);
}
void Heap_unlink(char* file, int line, void* p) { (void)file, (void)line, (void)p; }
void* Heap_findItem(void* p) {
  (void)p;
  return NULL;
}
heap_info* Heap_get_info(void) {
  static heap_info none;
  return &none;
}
int HeapDump(FILE* file) {
  (void)file;
  return 0;
}
int HeapDumpString(FILE* file, char* s) {
  (void)file, (void)s;
  return 0;
}

int setStack(int create) {
  (void)create;
  return 0;
}
void StackTrace_entry(const char* name, int line, int level) {
  (void)name, (void)line, (void)level;
}
void StackTrace_exit(const char* name, int line, void* rc, int level) {
  (void)name, (void)line, (void)rc, (void)level;
}
void StackTrace_printStack(FILE* file) { (void)file; }
char* StackTrace_get(unsigned long thread, char* buf, int size) {
  (void)thread;
  if (size > 0) buf[0] = '\0';
  return buf;
}
