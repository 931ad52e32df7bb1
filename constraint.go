package elevate

func constraintError(err error) error { return err }
