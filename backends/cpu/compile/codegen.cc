#include "backends/cpu/compile/codegen.h"

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Pass.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Scalar.h>

#include <mutex>

#include "ir/error.h"

namespace sinter::cpu {
namespace {

// Passes that LLVM can be told to leave out in no other way. Reducing the strength of addresses costs a third
// of the time to compile, scheduling anew after registers are given out a twelfth; neither makes these loops
// faster.
void leave_out_passes() {
  const auto& options = llvm::cl::getRegisteredOptions();
  for (const char* name : {"disable-lsr", "disable-post-ra"}) {
    if (const auto it = options.find(name); it != options.end())
      static_cast<llvm::cl::opt<bool>*>(it->second)->setValue(true);
  }
}

std::unique_ptr<llvm::TargetMachine> make_target_machine(const Machine& machine) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    leave_out_passes();
  });
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(machine.triple, error);
  if (target == nullptr) throw InternalError("no code generator for " + machine.triple + ": " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // the Loop IR says where a product and a sum are one
  std::unique_ptr<llvm::TargetMachine> made(
      target->createTargetMachine(machine.triple, machine.cpu, machine.features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default));
  if (made == nullptr) throw InternalError("no code generator for " + machine.triple);
  return made;
}

}  // namespace

class CodeGenerator::Passes {
 public:
  Passes(llvm::TargetMachine& machine, llvm::CodeGenFileType type, Sanitizer sanitizer)
      : machine_(machine), sanitizer_(sanitizer), stream_(bytes_) {
    // First: a pass that comes before it gets a machine of no kind, whose addresses know no offsets, and so
    // do all that follow.
    for (auto* passes : {&to_registers_, &to_file_})
      passes->add(llvm::createTargetTransformInfoWrapperPass(machine.getTargetIRAnalysis()));
    // Local buffers to registers; what statements compute alike, once. The rest is done: loops are vectors
    // already.
    to_registers_.add(llvm::createSROAPass());
    to_registers_.add(llvm::createEarlyCSEPass(true));
    if (machine.addPassesToEmitFile(to_file_, stream_, nullptr, type))
      throw InternalError("the code generator writes no such file");
  }

  std::string run(llvm::Module& module) {
    module.setTargetTriple(machine_.getTargetTriple().str());
    module.setDataLayout(machine_.createDataLayout());
    bytes_.clear();
    to_registers_.run(module);
    if (sanitizer_ != Sanitizer::none) instrument(module, machine_, sanitizer_);
    to_file_.run(module);
    return std::string(bytes_.begin(), bytes_.end());
  }

 private:
  llvm::TargetMachine& machine_;
  Sanitizer sanitizer_;
  llvm::SmallVector<char, 0> bytes_;
  llvm::raw_svector_ostream stream_;
  llvm::legacy::PassManager to_registers_, to_file_;
};

CodeGenerator::CodeGenerator(const Machine& machine, Sanitizer sanitizer)
    : machine_(make_target_machine(machine)), sanitizer_(sanitizer) {}

CodeGenerator::~CodeGenerator() = default;

std::string CodeGenerator::object(llvm::Module& module) {
  if (to_object_ == nullptr)
    to_object_ = std::make_unique<Passes>(*machine_, llvm::CodeGenFileType::ObjectFile, sanitizer_);
  return to_object_->run(module);
}

std::string CodeGenerator::assembly(llvm::Module& module) {
  if (to_assembly_ == nullptr)
    to_assembly_ = std::make_unique<Passes>(*machine_, llvm::CodeGenFileType::AssemblyFile, sanitizer_);
  return to_assembly_->run(module);
}

std::string print(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

}  // namespace sinter::cpu
