#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/rows.h"
#include "ir/graph/graph.h"
#include "passes/options.h"
#include "runtime/tensor.h"

// Programs without their compiler.
namespace sinter {

struct ExportedFunction {
  std::string name;                           // of the symbol, behind the library's
  const graph::Module* module;                // verified; states of one name are the same in all modules
  std::string function;                       // in the module
  std::string of = {};                        // what the program calls it; empty: as the symbol
  std::map<std::string, int64_t> sizes = {};  // of its Dims
  backends::Rows rows = {.none = "it comes from a graph as text, which has no Dims"};
};

struct ExportedState {
  std::map<std::string, runtime::HostTensor> values;
  uint64_t seed = 0;
  uint32_t step = 0;
};

// The states that they read or write.
std::set<std::string> states_of(const std::vector<ExportedFunction>& functions);

// Compiles the functions for a device, and writes what it makes of them as FOLDER/NAME.h and the like: as
// FOLDER/NAME.safetensors the state where it has values, then of all of states_of(). Throws GraphError where
// the device's code is nothing without this library, RuntimeError where a file cannot be written.
void export_library(const std::string& folder, const std::string& name,
                    const std::vector<ExportedFunction>& functions, const backends::Device& device,
                    const passes::Options& options, const ExportedState& state);

}  // namespace sinter
