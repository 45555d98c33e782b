#include "backends/cpu/compile/jit.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>

#include <mutex>

#include "ir/error.h"

namespace sinter::cpu {
namespace {

template <typename T>
T checked(llvm::Expected<T> value) {
  if (!value) throw InternalError("code cannot be loaded: " + llvm::toString(value.takeError()));
  return std::move(*value);
}

void check(llvm::Error error) {
  if (error) throw InternalError("code cannot be loaded: " + llvm::toString(std::move(error)));
}

}  // namespace

LoadedCode load_objects(const std::vector<std::string>& objects, const std::string& entry) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  std::shared_ptr<llvm::orc::LLJIT> jit = checked(llvm::orc::LLJITBuilder().create());
  for (const std::string& object : objects) {
    check(jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object)));
  }
  void* address = checked(jit->lookup(entry)).toPtr<void*>();
  return {address, std::move(jit)};
}

}  // namespace sinter::cpu
