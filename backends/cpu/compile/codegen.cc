#include "backends/cpu/compile/codegen.h"

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Pass.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/Scalar.h>
#include <unistd.h>

#include <mutex>

#include "ir/error.h"

namespace sinter::cpu {
namespace {

std::string host_features() {
  std::string text;
  for (const auto& [name, has] : llvm::sys::getHostCPUFeatures()) {
    text += (text.empty() ? "" : ",") + std::string(has ? "+" : "-") + name.str();
  }
  return text;
}

std::unique_ptr<llvm::TargetMachine> make_target_machine() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  const std::string triple = llvm::sys::getProcessTriple();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (target == nullptr) throw InternalError("no code generator for this machine: " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // the Loop IR says where a product and a sum are one
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, llvm::sys::getHostCPUName(), host_features(), options,
                                  llvm::Reloc::PIC_, llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  if (machine == nullptr) throw InternalError("no code generator for " + triple);
  return machine;
}

std::string compile(llvm::Module& module, llvm::CodeGenFileType type) {
  const std::unique_ptr<llvm::TargetMachine> machine = make_target_machine();
  module.setTargetTriple(machine->getTargetTriple().str());
  module.setDataLayout(machine->createDataLayout());
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  // First: a pass that comes before it gets a machine of no kind, whose addresses know no offsets, and so do
  // all that follow.
  passes.add(llvm::createTargetTransformInfoWrapperPass(machine->getTargetIRAnalysis()));
  // Local buffers to registers; what statements compute alike, once. The rest is done: loops are vectors
  // already.
  passes.add(llvm::createSROAPass());
  passes.add(llvm::createEarlyCSEPass(true));
  if (machine->addPassesToEmitFile(passes, stream, nullptr, type)) {
    throw InternalError("the code generator writes no such file");
  }
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

int64_t cache_bytes(int name, int64_t otherwise) {
  const long bytes = sysconf(name);
  return bytes > 0 ? bytes : otherwise;
}

}  // namespace

loop::Target host_target() {
  loop::Target target;
  const auto features = llvm::sys::getHostCPUFeatures();
  const auto has = [&](const char* name) { return features.lookup(name); };
  if (has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq")) {
    target.vector_bytes = 64;
    target.vector_registers = 32;
  } else if (has("avx2")) {
    target.vector_bytes = 32;
    target.vector_registers = 16;
  } else {
    target.vector_bytes = 16;
    target.vector_registers = llvm::Triple(llvm::sys::getProcessTriple()).isAArch64() ? 32 : 16;
  }
  target.l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE, target.l1_bytes);
  target.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE, target.l2_bytes);
  target.l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE, target.l3_bytes);
  target.description =
      llvm::sys::getHostCPUName().str() + ", vectors of " + std::to_string(target.vector_bytes) + " bytes";
  return target;
}

std::string compile_to_object(llvm::Module& module) {
  return compile(module, llvm::CodeGenFileType::ObjectFile);
}

std::string compile_to_assembly(llvm::Module& module) {
  return compile(module, llvm::CodeGenFileType::AssemblyFile);
}

std::string print(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

}  // namespace sinter::cpu
