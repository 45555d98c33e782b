#include "frontend/compile/library.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "backends/library.h"
#include "frontend/base/state_file.h"
#include "frontend/compile/driver.h"
#include "ir/error.h"
#include "ir/graph/callees.h"
#include "runtime/error.h"
#include "runtime/file.h"
#include "runtime/safetensors.h"

namespace sinter {
namespace {

std::vector<std::string> touched(const ExportedFunction& exported, graph::OpCode code) {
  const graph::Function* function = exported.module->find_function(exported.function);
  if (function == nullptr) throw GraphError(fmt::format("no function is called '{}'", exported.function));
  const std::set<std::string> states = graph::states_touched(*exported.module, *function, code);
  return {states.begin(), states.end()};
}

const graph::State& find_state(const std::vector<ExportedFunction>& functions, const std::string& name) {
  for (const ExportedFunction& function : functions) {
    if (const graph::State* state = function.module->find_state(name)) return *state;
  }
  throw InternalError("no module has the state " + name);
}

// Where the states lie in their file, which is where they lie in memory.
void lay_out_state(backends::Library& library, const std::vector<ExportedFunction>& functions,
                   const ExportedState& state) {
  runtime::SafetensorsLayout layout{state_metadata(state.seed, state.step), {}};
  for (const std::string& name : states_of(functions)) {
    const runtime::TensorSpec spec = backends::to_spec(name, find_state(functions, name).type);
    library.states.push_back({spec});
    layout.entries.emplace(name,
                           runtime::SafetensorsLayout::Entry{runtime::stored(spec.dtype), spec.shape, 0});
  }
  if (library.states.empty()) return;
  library.head = runtime::safetensors_head(layout, runtime::SafetensorsOrder::by_line);
  for (backends::Library::State& placed : library.states) {
    placed.begin = layout.entries.at(placed.spec.name).begin;
    placed.bytes = static_cast<uint64_t>(runtime::element_count(placed.spec.shape)) *
                   runtime::size_in_bytes(placed.spec.dtype);
  }
  std::ranges::sort(library.states, {}, &backends::Library::State::begin);
}

}  // namespace

std::set<std::string> states_of(const std::vector<ExportedFunction>& functions) {
  std::set<std::string> states;
  for (const ExportedFunction& function : functions) {
    for (const graph::OpCode code : {graph::OpCode::read, graph::OpCode::write}) {
      const std::vector<std::string> names = touched(function, code);
      states.insert(names.begin(), names.end());
    }
  }
  return states;
}

void export_library(const std::string& folder, const std::string& name,
                    const std::vector<ExportedFunction>& functions, const backends::Device& device,
                    const passes::Options& options, const ExportedState& state) {
  backends::Library library{.name = name, .has_values = !state.values.empty(), .seed = state.seed};
  for (const ExportedFunction& function : functions) {
    library.entries.push_back({function.name, function.of.empty() ? function.name : function.of,
                               source_of(*function.module, function.function, options), function.sizes,
                               touched(function, graph::OpCode::read),
                               touched(function, graph::OpCode::write), function.rows});
  }
  lay_out_state(library, functions, state);
  const std::vector<backends::LibraryFile> files = device.compile_library(library);

  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) throw RuntimeError(fmt::format("cannot make the directory {}: {}", folder, error.message()));
  for (const backends::LibraryFile& file : files)
    runtime::write_file_atomically(path.string() + file.suffix, file.bytes);
  if (library.has_values) {
    runtime::write_safetensors(path.string() + ".safetensors",
                               {state_metadata(state.seed, state.step), state.values},
                               runtime::SafetensorsOrder::by_line);
  }
}

}  // namespace sinter
