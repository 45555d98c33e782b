#include "backends/cpu/compile/machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>

#include "backends/cpu/compile/sanitize.h"
#include "ir/error.h"

namespace sinter::cpu {
namespace {

// In order of their names, so that the same machine gives the same text.
using Features = std::map<std::string, bool>;

Features host_features() {
  Features features;
  for (const auto& [name, has] : llvm::sys::getHostCPUFeatures()) features[name.str()] = has;
  return features;
}

// What schedules see of a cpu that has these features, and common caches.
loop::Target target_with(const std::string& cpu, const llvm::Triple& triple, const Features& features) {
  const auto has = [&](const char* name) {
    const auto it = features.find(name);
    return it != features.end() && it->second;
  };
  loop::Target target;
  if (has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq")) {
    target.vector_bytes = 64;
    target.vector_registers = 32;
    target.has_masks = true;
  } else if (has("avx2")) {
    target.vector_bytes = 32;
    target.vector_registers = 16;
  } else {
    target.vector_bytes = 16;
    target.vector_registers = triple.isAArch64() ? 32 : 16;
  }
  target.has_fma = !triple.isX86() || has("fma");
  target.description = fmt::format("{}, vectors of {} bytes", cpu, target.vector_bytes);
  return target;
}

int64_t cache_bytes(int name, int64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

Machine make_host() {
  const Features features = host_features();
  Machine machine{llvm::sys::getProcessTriple(), llvm::sys::getHostCPUName().str()};
  for (const auto& [name, has] : features)
    machine.features += fmt::format("{}{}{}", machine.features.empty() ? "" : ",", has ? "+" : "-", name);
  machine.target = target_with(machine.cpu, llvm::Triple(machine.triple), features);
  loop::Target& target = machine.target;
  target.l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, target.l1_bytes);
  target.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, target.l2_bytes);
  target.l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE, target.l3_bytes);
  return machine;
}

std::unique_ptr<llvm::MCSubtargetInfo> subtarget(const std::string& triple, llvm::StringRef cpu) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargetMCs();
  });
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr) throw InternalError("no code generator for " + triple + ": " + error);
  return std::unique_ptr<llvm::MCSubtargetInfo>(target->createMCSubtargetInfo(triple, cpu, ""));
}

Features features_of(const std::string& triple, llvm::StringRef cpu) {
  Features features;
  for (const llvm::SubtargetFeatureKV& feature : subtarget(triple, cpu)->getEnabledProcessorFeatures())
    features[feature.Key] = true;
  return features;
}

// LLVM's table for x86 has processors of 32 bits as well.
bool runs_code_of(const std::string& triple, llvm::StringRef cpu) {
  return llvm::Triple(triple).getArch() != llvm::Triple::x86_64 || features_of(triple, cpu).contains("64bit");
}

std::vector<std::string> known_names(const std::string& triple) {
  std::vector<std::string> names;
  for (const llvm::SubtargetSubTypeKV& cpu : subtarget(triple, "generic")->getAllProcessorDescriptions()) {
    if (runs_code_of(triple, cpu.Key)) names.push_back(cpu.Key);
  }
  return names;
}

// Of an architecture, the machines that Sinter makes code for.
struct Kind {
  std::string triple;
  std::string_view any_name, any_cpu;  // what is called any of them, and what LLVM calls that
};

// This machine's first.
std::vector<Kind> kinds() {
  const llvm::Triple here(host().triple);
  const auto triple_of = [&](llvm::Triple::ArchType arch, const char* otherwise) {
    return here.getArch() == arch ? here.str() : otherwise;
  };
  std::vector<Kind> kinds = {
      {triple_of(llvm::Triple::x86_64, "x86_64-unknown-linux-gnu"), "x86-64-v1", "x86-64"},
      {triple_of(llvm::Triple::aarch64, "aarch64-unknown-linux-gnu"), "aarch64", "generic"}};
  if (here.isAArch64()) std::swap(kinds[0], kinds[1]);
  return kinds;
}

[[noreturn]] void refuse(std::string_view name, const std::vector<std::string>& known) {
  constexpr unsigned kSimilar = 2;  // letters that differ
  std::vector<std::string> similar;
  for (const std::string& each : known) {
    if (llvm::StringRef(each).edit_distance(llvm::StringRef(name), true, kSimilar) <= kSimilar)
      similar.push_back(each);
  }
  throw GraphError(fmt::format("unknown target '{}': expected native or {} {}", name,
                               similar.empty() ? "one of" : "something like",
                               fmt::join(similar.empty() ? known : similar, ", ")));
}

}  // namespace

const Machine& host() {
  static const Machine machine = make_host();
  return machine;
}

Machine named(std::string_view name) {
  if (name == "native") return host();
  for (const auto& [triple, any_name, any_cpu] : kinds()) {
    Machine machine{triple, std::string(name == any_name ? any_cpu : name)};
    if (!subtarget(triple, "generic")->isCPUStringValid(machine.cpu) || !runs_code_of(triple, machine.cpu))
      continue;
    machine.target = target_with(std::string(name), llvm::Triple(triple), features_of(triple, machine.cpu));
    return machine;
  }
  std::vector<std::string> known = known_names(host().triple);
  for (const Kind& kind : kinds()) known.emplace_back(kind.any_name);
  refuse(name, known);
}

void check_runs_here(const Machine& machine) {
  const Machine& here = host();
  if (machine.cpu == here.cpu && machine.features == here.features) return;
  const llvm::Triple triple(machine.triple);
  if (triple.getArch() != llvm::Triple(here.triple).getArch()) {
    throw GraphError(fmt::format("compiled for {}, but this machine, a {}, is of another architecture",
                                 triple.getArchName().str(), here.cpu));
  }
  const Features has = host_features();
  std::vector<std::string> lacking;
  for (const auto& [feature, needed] : features_of(machine.triple, machine.cpu)) {
    // What is no instruction, but says which are fast, this machine's list does not have.
    if (const auto it = has.find(feature); it != has.end() && !it->second) lacking.push_back(feature);
  }
  if (lacking.empty()) return;
  throw GraphError(fmt::format("compiled for {}, but this machine, a {}, lacks {}", machine.cpu, here.cpu,
                               fmt::join(lacking, ", ")));
}

std::string code_identity(const Machine& machine) {
  const char* const watched = kSanitizer == Sanitizer::address  ? "\nwith accesses checked"
                              : kSanitizer == Sanitizer::thread ? "\nwith accesses of threads checked"
                                                                : "";
  return fmt::format("LLVM {}\n{}\n{}\n{}{}", LLVM_VERSION_STRING, machine.triple, machine.cpu,
                     machine.features, watched);
}

}  // namespace sinter::cpu
