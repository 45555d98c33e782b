#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/rows.h"

namespace sinter::backends {

// Functions over one state that are to be called where there is no compiler.
struct Library {
  struct Entry {
    std::string name;  // behind the library's: "train" is called mine_train
    std::string of;    // what the program calls it, where several sizes of it have names of their own
    Source source;
    std::map<std::string, int64_t> sizes;    // of its Dims
    std::vector<std::string> reads, writes;  // of the states
    Rows rows;
  };
  struct State {
    runtime::TensorSpec spec;
    uint64_t begin = 0;  // in the file
    uint64_t bytes = 0;
  };

  std::string name;  // what every symbol begins with
  std::vector<Entry> entries;
  // The state lies in memory as in a safetensors file: `head`, and then these, one behind the other.
  std::vector<State> states;
  std::string head;         // empty where there is no state
  bool has_values = false;  // whether such a file comes with the library
  uint64_t seed = 0;
};

struct LibraryFile {
  std::string suffix;  // ".o"
  std::string bytes;
};

}  // namespace sinter::backends
