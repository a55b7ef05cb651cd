// Command count counts instructions in the loops of the machine code for arm64.
//
//	go run ./internal/check/count           (make count-arm64)
//	go run ./internal/check/count -mca      (make mca-arm64)
//
// The seconds of an emulator say nothing about a processor, but how many instructions a loop
// spends on one multiply-add, or on one vector, can be read anywhere.
//
//	command elbow, linked for arm64 --> go tool objdump --> words --> loops --> table, goals
//
// With -mca, LLVM's model of a core says instead how many cycles loops take, and a fused LSTM step
// put together from them; see fused. That is no measurement: a model knows no cache that misses, no
// jump that is mispredicted and no dependence through memory.
//
//	words --> llvm-mc --disassemble --> llvm-mca, for each core --> table
//
// A loop is what a jump back spans, and only innermost loops are counted. Accesses of the
// stack inside of a loop are spilled registers or arguments that did not fit into them. A
// vector counts as stored when it goes to memory other than the stack. A loop that takes more than
// its goal makes the command fail, and so does one of any kernel that accesses the stack without need.
package main
