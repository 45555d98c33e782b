#include "backends/cpu/cpu.h"

#include <fmt/format.h>

#include "backends/cpu/ahead/library.h"
#include "backends/cpu/compile/compile.h"
#include "backends/cpu/compile/machine.h"
#include "backends/cpu/run/executable.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

class CpuDevice final : public backends::Device {
 public:
  CpuDevice(const backends::DeviceOptions& options, Machine machine)
      : machine_(std::move(machine)),
        pool_(std::make_shared<runtime::ThreadPool>(options.threads)),
        communicator_(options.communicator),
        cache_(runtime::user_cache_folder()) {
    machine_.target.threads = pool_->threads_at_once();
  }

  std::unique_ptr<runtime::StateStore> make_state(const std::vector<graph::State>& states) const override {
    return std::make_unique<runtime::HostState>(backends::to_specs(states));
  }

  std::unique_ptr<runtime::Executable> compile(const backends::Source& source) const override {
    return make_executable(cpu::compile(source, machine_, cache_), pool_, communicator_);
  }
  loop::Target target() const override { return machine_.target; }
  std::string text(const backends::Source& source, std::string_view kind) const override {
    if (kind == "llvm") return emit_llvm(source.lower(target()), machine_);
    if (kind == "asm") return emit_asm(source.lower(target()), machine_);
    return Device::text(source, kind);
  }
  std::vector<backends::LibraryFile> compile_library(const backends::Library& library) const override {
    return cpu::compile_library(library, machine_);
  }

 private:
  Machine machine_;
  std::shared_ptr<runtime::ThreadPool> pool_;
  std::shared_ptr<runtime::Communicator> communicator_;
  mutable runtime::DiskCache cache_;  // of object files and images
};

class CpuBackend final : public backends::Backend {
 public:
  std::string_view name() const override { return "cpu"; }
  std::vector<std::string> texts() const override { return {"llvm", "asm"}; }
  bool has_targets() const override { return true; }

  std::unique_ptr<backends::Device> open(const backends::DeviceOptions& options) const override {
    if (!options.selector.empty()) {
      throw GraphError(fmt::format("device 'cpu:{}': there is one cpu, called 'cpu'", options.selector));
    }
    return std::make_unique<CpuDevice>(options, named(options.target));
  }
};

}  // namespace

const backends::Backend& backend() {
  static const CpuBackend instance;
  return instance;
}

}  // namespace sinter::cpu
