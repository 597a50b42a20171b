// written by the owner of this folder
