//go:build purego || !amd64

package tile

import "github.com/elbow-go/elbow/asm"

const noMachine = "tile: no machine code"

func gemmTiles32(asm.ISA, *Args[float32])        { panic(noMachine) }
func gemmFinish32(asm.ISA, *Args[float32])       { panic(noMachine) }
func gemvRows32(asm.ISA, *Args[float32])         { panic(noMachine) }
func gemmPack32(asm.ISA, *packArgs[float32])     { panic(noMachine) }
func gemmPackT32(asm.ISA, *packArgs[float32])    { panic(noMachine) }
func gemmTile1632(asm.ISA, *Args[float32])       { panic(noMachine) }
func gemmRow32(asm.ISA, bool, *rowArgs[float32]) { panic(noMachine) }
