#pragma once

#include <map>
#include <string>

#include "runtime/file.h"
#include "runtime/stored.h"
#include "runtime/tensor.h"

namespace sinter::runtime {

// The safetensors format: eight bytes with the header's length, a JSON header that gives each tensor's dtype,
// shape and data_offsets, and the data. Types F16, BF16, F32, F64, I32, I64, BOOL, and to read also U8, I8,
// U16, I16 and U32.
struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, HostTensor> tensors;
};

// Where in a file each tensor lies.
struct SafetensorsLayout {
  struct Entry {
    Stored type;
    Shape shape;
    uint64_t begin;  // in the file
  };
  std::map<std::string, std::string> metadata;
  std::map<std::string, Entry> entries;
};

// Both throw RuntimeError, naming the path and what is wrong, where the file is missing, damaged or of
// another type: every byte of the data must belong to exactly one tensor.
SafetensorsLayout safetensors_layout(const ReadableFile& file);
// Elements that tensors do not have become those that hold them.
SafetensorsFile read_safetensors(const std::string& path);

// How tensors lie in a file that is written: as the reference implementation has them, those of the widest
// elements first; or to be used where they lie, in a file that is mapped or read at the start of a cache
// line: those whose size is a multiple of a cache line begin at one, the others at a multiple of the power of
// two that divides theirs.
enum class SafetensorsOrder : uint8_t { by_element, by_line };

// What a file of this layout begins with, before its tensors; sets where each of them begins. Throws
// RuntimeError where a name or text is not UTF-8.
std::string safetensors_head(SafetensorsLayout& layout, SafetensorsOrder order);

// Written atomically; equal contents give equal bytes. Throws RuntimeError where the file cannot be written,
// a tensor is undefined, or a name or text is not UTF-8.
void write_safetensors(const std::string& path, const SafetensorsFile& file,
                       SafetensorsOrder order = SafetensorsOrder::by_element);

}  // namespace sinter::runtime
