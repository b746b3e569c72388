// Scratch memory, cut into arrays.
#pragma once
#include <cstddef>

namespace keepgate {

// Cuts memory given by the caller into arrays of whole cache lines. With no memory it only counts.
class Memory {
 public:
  explicit Memory(void* start) : start(static_cast<char*>(start)) {}
  template <class T>
  void take(T*& array, long count) {
    array = reinterpret_cast<T*>(start + used);
    used += (size_t(count) * sizeof(T) + 63) / 64 * 64;
  }
  size_t used = 0;

 private:
  char* start;
};

}  // namespace keepgate
