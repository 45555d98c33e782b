#pragma once

#include <sinter/program.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "frontend/state_table.h"
#include "ir/graph/graph.h"
#include "passes/options.h"
#include "runtime/executable.h"

namespace sinter {

// What a Program is: its functions as they were added, their graphs, their code, and the state they share.
struct ProgramState {
  struct Added {
    std::string name;
    std::vector<Input> inputs;
    Program::Body body;
    FunctionOptions options;
  };
  // A function for one binding of its dims.
  struct Variant {
    std::string name;  // in the graph, and in messages: "predict", "predict.batch_1"
    std::vector<TensorInfo> inputs;
    bool writes_state = false;
    std::unique_ptr<runtime::Executable> executable;  // none until asked for
    std::shared_ptr<Function::State> convenience;     // the call behind Program::run
  };

  std::deque<Added> added;
  bool compiled = false;
  CompileOptions options;
  graph::Module module;
  StateTable table{module};
  std::unique_ptr<backends::Device> device;
  std::unique_ptr<runtime::StateStore> store;
  std::map<std::string, Variant> variants;  // by name in the graph
  uint32_t step = 0;
  std::unique_ptr<runtime::Profile> profile;  // null: nobody asked

  const Added& find(std::string_view name) const;
  const Variant& traced(const std::string& name) const;  // with the sizes given to compile
  void compile(const CompileOptions& given);
  // The variant, traced and compiled to code if it is not yet.
  Variant& ready(const std::string& name, const DimSizes& dims);
  void check_compiled(std::string_view what) const;
  void check_profiled(std::string_view what) const;

 private:
  DimSizes bind(const Added& function, const DimSizes& dims) const;
  Variant& trace(const Added& function, const DimSizes& dims);
  void trace_into(const Added& function, const DimSizes& sizes, Variant& variant);
};

std::string quoted_list(const std::vector<std::string>& names);  // "'ids', 'labels'"

}  // namespace sinter
