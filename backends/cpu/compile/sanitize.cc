#include "backends/cpu/compile/sanitize.h"

#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Instrumentation/AddressSanitizer.h>
#include <llvm/Transforms/Instrumentation/ThreadSanitizer.h>

namespace sinter::cpu {

void instrument(llvm::Module& module, llvm::TargetMachine& machine, Sanitizer sanitizer) {
  const bool address = sanitizer == Sanitizer::address;
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr(address ? llvm::Attribute::SanitizeAddress : llvm::Attribute::SanitizeThread);
  }
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager passes;
  if (address) {
    // Nothing runs constructors of generated code: its constants are not watched.
    passes.addPass(
        llvm::AddressSanitizerPass({}, true, false, llvm::AsanDtorKind::None, llvm::AsanCtorKind::None));
  } else {
    passes.addPass(llvm::createModuleToFunctionPassAdaptor(llvm::ThreadSanitizerPass()));
  }
  passes.run(module, modules);
}

}  // namespace sinter::cpu
