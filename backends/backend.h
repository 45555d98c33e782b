#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "backends/non_finite.h"
#include "ir/graph/graph.h"
#include "ir/loop/program.h"
#include "ir/loop/target.h"
#include "runtime/collectives/meeting.h"
#include "runtime/executable.h"

namespace sinter::backends {

// A function to compile.
struct Source {
  std::string_view function;
  // The module as the user wrote it, gradients expanded, nothing simplified: for devices that execute graphs.
  std::function<graph::Module()> expand;
  // The whole pipeline, down to loops for a target.
  std::function<loop::Program(const loop::Target&)> lower;
  // All that these give is told by it, the target and this library's version. Where it is null nothing is
  // known, and what a device makes is not kept.
  std::function<std::string()> identity = nullptr;
};

struct Library;
struct LibraryFile;

class Device : public runtime::DeviceMemory {
 public:
  virtual std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const = 0;
  virtual std::unique_ptr<runtime::Executable> compile(const Source& source) const = 0;
  // Whether it executes loops. One that does not executes ops, one after the other, on the host.
  virtual bool executes_loops() const { return true; }
  // Of what a function gives, writes or checks to be finite, what is not, and which op that goes back to;
  // nothing where all is. Changes no state. `of_gradients` are the ops that compute gradients. Of a device
  // that executes ops: throws InternalError where it executes loops.
  virtual std::optional<NonFiniteResult> first_non_finite(
      const graph::Module& module, std::string_view function, const RepeatedCall& call,
      const std::unordered_set<const graph::Op*>& of_gradients) const;
  // What it compiles for; a common machine with threads where it executes no loops.
  virtual loop::Target target() const { return {}; }
  // One of its backend's texts() of what compile() makes.
  virtual std::string text(const Source& source, std::string_view kind) const;
  // What programs need to call the library's functions without this one. Throws GraphError where its code is
  // nothing without it.
  virtual std::vector<LibraryFile> compile_library(const Library& library) const;
};

struct DeviceOptions {
  std::string selector;           // what stands behind the colon of "vulkan:1"
  int threads = 0;                // 0: the cores that this process may use
  std::string target = "native";  // what to compile for: the machine that it runs on, or another by its name
  // Who takes part in what ranks make together; null: nobody else.
  std::shared_ptr<runtime::Communicator> communicator = nullptr;
};

// A backend is a folder behind this interface, found by name.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;
  // A line for each device that this machine has: how to select it, and what it is.
  virtual std::vector<std::string> devices() const { return {std::string(name())}; }
  // What its devices can show of their code: "llvm", "asm".
  virtual std::vector<std::string> texts() const { return {}; }
  // Whether its devices compile for other machines than the one that they run on.
  virtual bool has_targets() const { return false; }
  virtual std::unique_ptr<Device> open(const DeviceOptions& options) const = 0;
};

// The runtime's view of graph types and programs.
runtime::TensorSpec to_spec(const std::string& name, const graph::TensorType& type);
std::vector<runtime::TensorSpec> to_specs(const std::vector<graph::State>& states);
runtime::ProgramLayout to_layout(const loop::Program& program);
runtime::Collective to_collective(const loop::Collective& collective);
std::vector<runtime::Meeting> to_meetings(const loop::Program& program);
// Throws GraphError where programs of a single process are asked for, and this is one of several ranks.
void check_alone(const loop::Program& program);

}  // namespace sinter::backends
