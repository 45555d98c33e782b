#pragma once

namespace llvm {
class Module;
class TargetMachine;
}  // namespace llvm

// Sanitizers for generated code: those that this library is built with see what it compiles, too.
namespace sinter::cpu {

enum class Sanitizer { none, address, thread };

#if defined(__SANITIZE_ADDRESS__)
inline constexpr Sanitizer kSanitizer = Sanitizer::address;
#elif defined(__SANITIZE_THREAD__)
inline constexpr Sanitizer kSanitizer = Sanitizer::thread;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr Sanitizer kSanitizer = Sanitizer::address;
#elif __has_feature(thread_sanitizer)
inline constexpr Sanitizer kSanitizer = Sanitizer::thread;
#else
inline constexpr Sanitizer kSanitizer = Sanitizer::none;
#endif
#else
inline constexpr Sanitizer kSanitizer = Sanitizer::none;
#endif

// Lets every access of memory in the module tell the sanitizer's runtime, which the process must have. The
// module has its triple and its data layout.
void instrument(llvm::Module& module, llvm::TargetMachine& machine, Sanitizer sanitizer);

}  // namespace sinter::cpu
